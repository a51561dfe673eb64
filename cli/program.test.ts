/** What holds of every command. */
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { createProgram } from './program.ts'

const withChildren = (command: Command): Command[] => [command, ...command.commands.flatMap(withChildren)]

test('regression: only what makes a stack has a folder of its own accord: elsewhere the environment would contradict a folder that nobody named', () => {
  const named = withChildren(createProgram()).filter(({ options }) =>
    options.some(({ long, defaultValue }) => long === '--data-dir' && defaultValue !== undefined),
  )
  expect(named.map((command) => command.name())).toEqual(['demo', 'up'])
})
