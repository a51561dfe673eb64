/**
 * Burrow, LinkedIn's lag checker, as Debian packages it (1.2.1), beside the test's Kafka. It reads every group's commits from `__consumer_offsets` and the
 * ends of the partitions by itself. This version does not start without a ZooKeeper, which it uses for nothing here: Debian's, on a port of its own.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../core/ports.ts'
import { PATIENCE_MS } from './patience.ts'

const ZOOKEEPER = '/usr/share/java/zookeeper.jar'
export const hasBurrow =
  spawnSync('Burrow', ['-help'], { stdio: 'ignore' }).error === undefined && existsSync(ZOOKEEPER)

export interface Burrow {
  /** Lag in records by partition, as Burrow counts it; null while it has not seen the group commit to the topic. */
  lag(group: string, topic: string): Promise<Map<number, number> | null>
  stop(): Promise<void>
}

export async function startBurrow(brokers: string): Promise<Burrow> {
  const dir = await mkdtemp(join(tmpdir(), 'strandline-burrow-'))
  const [zookeeperPort, port] = [await freePort(), await freePort()]
  const started: ChildProcess[] = []
  const logFile = join(dir, 'burrow.log')

  async function stop(): Promise<void> {
    for (const child of started.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await Promise.race([ended, sleep(5_000).then(() => child.kill('SIGKILL'))])
    }
    await rm(dir, { recursive: true, force: true })
  }

  try {
    await writeFile(join(dir, 'zoo.cfg'), zooCfg(dir, zookeeperPort))
    await writeFile(join(dir, 'burrow.toml'), burrowToml(dir, brokers, zookeeperPort, port))
    const zookeeperMain = 'org.apache.zookeeper.server.ZooKeeperServerMain'
    started.push(
      spawn('java', ['-Xmx128m', '-cp', ZOOKEEPER, zookeeperMain, join(dir, 'zoo.cfg')], { cwd: dir, stdio: 'ignore' }),
    )
    await until('ZooKeeper serves', () => serves(zookeeperPort))
    const burrow = spawn('Burrow', ['-config-dir', dir], { cwd: dir, stdio: 'ignore' })
    started.push(burrow)
    await until('Burrow answers', async () => {
      if (burrow.exitCode !== null)
        throw new Error(`Burrow ended: ${await readFile(logFile, 'utf8').catch(() => 'it has said nothing')}`)
      return (await get(port, '/v3/kafka')) !== null
    })
  } catch (error) {
    await stop()
    throw error
  }

  return {
    async lag(group, topic) {
      const answer = await get<{ status: { partitions: Status[] } }>(port, `/v3/kafka/local/consumer/${group}/lag`)
      const partitions = answer?.status.partitions.filter((p) => p.topic === topic) ?? []
      return partitions.length > 0 ? new Map(partitions.map((p) => [p.partition, p.current_lag])) : null
    },
    stop,
  }
}

interface Status {
  topic: string
  partition: number
  current_lag: number
}

const zooCfg = (dir: string, port: number) => `tickTime=2000
dataDir=${join(dir, 'zookeeper')}
clientPort=${port}
clientPortAddress=127.0.0.1
admin.enableServer=false
`

const burrowToml = (dir: string, brokers: string, zookeeperPort: number, port: number) => `
[general]
pidfile="${join(dir, 'burrow.pid')}"
[logging]
filename="${join(dir, 'burrow.log')}"
level="info"
[zookeeper]
servers=[ "127.0.0.1:${zookeeperPort}" ]
root-path="/burrow"
[client-profile.local]
client-id="burrow"
kafka-version="2.1.0"
[cluster.local]
class-name="kafka"
servers=[ "${brokers}" ]
client-profile="local"
topic-refresh=2
offset-refresh=1
[consumer.local]
class-name="kafka"
cluster="local"
servers=[ "${brokers}" ]
client-profile="local"
start-latest=false
[httpserver.default]
address="127.0.0.1:${port}"
[storage.default]
class-name="inmemory"
workers=2
intervals=10
expire-group=604800
min-distance=0
`

/** null: no answer, or none with what was asked for. */
async function get<T>(port: number, path: string): Promise<T | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return response.ok ? ((await response.json()) as T) : null
  } catch {
    return null // it does not listen yet
  }
}

/** Whether ZooKeeper serves: it listens a while before. */
function serves(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write('srvr'))
    socket.on('data', (data) => {
      answer += data
    })
    socket.setTimeout(2_000, () => socket.destroy()) // asked before it was ready, it may never answer
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(answer.includes('Mode:')))
  })
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) if (await holds()) return
  throw new Error(`waited in vain until ${what}`)
}
