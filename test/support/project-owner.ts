/**
 * Who owns a hosted Supabase project's database: everything but a superuser, in a database that grants everything new in `public` to everybody's roles. What
 * works only for a superuser, or leaves something open where defaults are, is found by whatever runs on such a database.
 */
import type pg from 'pg'

/** What is said of Supabase's `postgres`. */
const RIGHTS = 'nosuperuser createdb createrole replication bypassrls login'
const KINDS = ['tables', 'functions', 'sequences']

/** Makes the role and gives it the database that `client` (a superuser) is connected to, with roles anon, authenticated and service_role there. */
export async function makeProjectOwner(client: pg.Client, owner: string, password: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name')
  await client.query(`create role ${owner} ${RIGHTS} password '${password}'`)
  await client.query(`alter role ${owner} set search_path = "$user", public, extensions`)
  await client.query(`grant anon, authenticated, service_role to ${owner} with admin option`)
  await client.query(`grant all on database ${rows[0]!.name} to ${owner}`)
  await client.query('create schema extensions')
  await client.query('alter schema public owner to pg_database_owner')
  await client.query('revoke create on schema public from public')
  await client.query(`grant all on schema public to ${owner}`)
  await client.query('grant usage on schema public, extensions to anon, authenticated, service_role')
  for (const maker of ['', `for role ${owner}`])
    for (const kind of KINDS)
      await client.query(
        `alter default privileges ${maker} in schema public grant all on ${kind} to ${owner}, anon, authenticated, service_role`,
      )
}
