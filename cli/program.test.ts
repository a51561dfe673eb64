/** What holds of every command. */
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { GROUPS } from './commands.ts'
import { createProgram } from './program.ts'

const withChildren = (command: Command): Command[] => [command, ...command.commands.flatMap(withChildren)]

test('regression: only what makes a stack has a folder of its own accord: elsewhere the environment would contradict a folder that nobody named', async () => {
  const named = withChildren(await createProgram()).filter(({ options }) =>
    options.some(({ long, defaultValue }) => long === '--data-dir' && defaultValue !== undefined),
  )
  expect(named.map((command) => command.name())).toEqual(['demo', 'up'])
})

test('a command that is named is there without the others, by each of its names; without a name all of them are', async () => {
  const all = (await createProgram()).commands.map((command) => command.name())
  expect(all).toEqual(GROUPS.flatMap(({ modules }) => modules.flatMap(({ names }) => names)))
  for (const { names } of GROUPS.flatMap(({ modules }) => modules))
    for (const name of names)
      expect((await createProgram([name, '--json'])).commands.map((command) => command.name())).toEqual(names)
  expect((await createProgram(['nonsense'])).commands).toHaveLength(all.length)
})
