/** What PromQL expressions name: metrics, and the labels that they ask of them. With Prometheus' own grammar. */
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

export interface Selector {
  metric: string
  labels: string[]
}

/** Prometheus' own, and ours only once an alert fires. */
const NOT_SCRAPED = new Set(['up', 'ALERTS', 'ALERTS_FOR_STATE'])
/** Added by the scrape. */
export const TARGET_LABELS = ['job', 'instance']

/** Selectors of an expression; a grouping asks its labels of every selector below it. Errors: a syntax error, with the place. */
export function selectorsOf(expression: string): Selector[] {
  const text = expression.replaceAll('$__rate_interval', '5m').replaceAll('$group', '.+')
  const found: Selector[] = []
  const texts = (node: SyntaxNode, name: string): string[] => {
    const out: string[] = []
    node.cursor().iterate((n) => {
      if (n.name === name) out.push(text.slice(n.from, n.to))
    })
    return out
  }
  const visit = (node: SyntaxNode, grouped: string[]): void => {
    if (node.type.isError) throw new Error(`Not PromQL at ${node.from}: ${expression}`)
    if (node.name === 'VectorSelector') {
      const metric = texts(node, 'Identifier')[0] ?? ''
      const matched = texts(node, 'LabelName')
      if (!NOT_SCRAPED.has(metric)) found.push({ metric, labels: [...new Set([...matched, ...grouped])] })
      return
    }
    const own =
      node.name === 'AggregateExpr'
        ? [...grouped, ...node.getChildren('AggregateModifier').flatMap((m) => texts(m, 'LabelName'))]
        : grouped
    for (let child = node.firstChild; child; child = child.nextSibling) visit(child, own)
  }
  visit(parser.parse(text).topNode, [])
  return found
}
