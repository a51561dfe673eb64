import { expect, test } from 'vitest'
import { sqlStatements } from './sql-statements.ts'

test('statements are cut at semicolons and keep the comments before them', () => {
  expect(sqlStatements('-- why;\ncreate table a (x int);\n\nselect 1')).toEqual([
    '-- why;\ncreate table a (x int)',
    'select 1',
  ])
})

test.each([
  ['a string', "select ';', 'it''s; fine'"],
  ['an escape string', "select E'\\';', e'a\\\\'"],
  ['a quoted name', 'select 1 as "a;b"'],
  ['a dollar-quoted body', 'do $$ begin perform 1; end $$'],
  [
    'a tagged body with another tag inside',
    'create function f() returns text language sql as $body$ select $$;$$; $body$',
  ],
  ['a nested comment', 'select 1 /* a; /* b; */ c; */ + 1'],
  [
    'a SQL-standard body',
    'create function f(x int) returns int begin atomic select 1; select case when x > 0 then 1 end; end',
  ],
  ['a parameter-like name', 'select a$b$c from t'],
])('a semicolon inside %s does not end the statement', (_, statement) => {
  expect(sqlStatements(`${statement};\nselect 2;`)).toEqual([statement, 'select 2'])
})

test('a file of comments and empty statements holds none', () => {
  expect(sqlStatements('-- nothing;\n;; /* ; */ ;\n')).toEqual([])
})

test('transactions of plain SQL are statements of their own', () => {
  expect(sqlStatements('begin; select 1; end; commit')).toEqual(['begin', 'select 1', 'end', 'commit'])
})
