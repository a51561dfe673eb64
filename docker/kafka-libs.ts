/** Fetches the pinned Kafka jars where they are missing, and prints their paths, one a line. For docker/local-images.sh. */
import { ensureKafkaJars } from '../embedded/kafka-jars.ts'

const { classpath } = await ensureKafkaJars({
  onProgress: (done, total) => done === 0 && process.stderr.write(`Fetching ${total} Kafka jars …\n`),
})
process.stdout.write(`${classpath.split(':').join('\n')}\n`)
