import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The learner's sums in Kafka Streams: for each lever value, interaction and the baseline, what `domain/learning/sums.ts` keeps. It does less than the
 * learner: no ledger (a trade that stands in the log twice counts twice), no corrections, no checks, no dead letters, and no database to read it from.
 *
 * Two topologies. `dsl` is what the documentation teaches: flatMap, groupByKey, aggregate, through a repartition topic, so that each key has one sum.
 * `local` is the processor API without repartitioning: each partition keeps sums of its own, which a reader has to merge, as the learner's do.
 *
 * Arguments: name=value pairs (brokers, schema, topology, threads, commitMs, cacheMb, guarantee, stateDir), then topic:events for each run, one after the
 * other, each with an application id and state of its own. Prints one JSON object a line: when a run starts, and what it came to.
 */
public final class StreamsPeer {
  static final double DAY_MS = 86_400_000.0;
  static final double TAU_SHORT = 14 * DAY_MS;
  static final double TAU_LONG = 90 * DAY_MS;
  static final String STORE = "coefficients";
  static final String BASELINE = "global";
  static final Serde<String> STRING = Serdes.String();
  static final Serde<byte[]> BYTES = Serdes.ByteArray();

  public static void main(String[] args) throws Exception {
    endWithParent();
    Map<String, String> options = new HashMap<>();
    List<String> runs = new ArrayList<>();
    for (String arg : args) {
      int at = arg.indexOf('=');
      if (at > 0) options.put(arg.substring(0, at), arg.substring(at + 1));
      else runs.add(arg);
    }
    Schema schema = new Schema.Parser().parse(Files.readString(Path.of(options.get("schema"))));
    for (String run : runs) {
      int at = run.lastIndexOf(':');
      measure(options, schema, run.substring(0, at), Long.parseLong(run.substring(at + 1)));
    }
  }

  /** Standard input is a pipe from whoever started this; nothing is ever written to it. */
  static void endWithParent() {
    Thread watch = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {}
      } catch (IOException e) {
        // the pipe is gone, and so is the parent
      }
      Runtime.getRuntime().halt(1);
    });
    watch.setDaemon(true);
    watch.start();
  }

  static void measure(Map<String, String> options, Schema schema, String topic, long events) throws Exception {
    boolean local = options.get("topology").equals("local");
    Progress progress = new Progress();
    Properties properties = properties(options);
    ThreadLocal<TradeReader> readers = ThreadLocal.withInitial(() -> new TradeReader(schema));
    Topology topology = local ? localTopology(topic, readers, progress) : dslTopology(topic, readers, progress);
    KafkaStreams streams = new KafkaStreams(topology, properties);
    streams.start();
    boolean started = false;
    while (!progress.done(events) && !streams.state().hasCompletedShutdown() && streams.state() != KafkaStreams.State.ERROR) {
      if (!started && progress.startedAt.get() > 0) {
        started = true;
        System.out.printf("{\"topic\":\"%s\",\"started\":true}%n", topic);
      }
      Thread.sleep(5);
    }
    double seconds = (System.nanoTime() - progress.startedAt.get()) / 1e9;
    if (!progress.done(events)) throw new IllegalStateException("Kafka Streams stopped after " + progress.read.sum() + " events");
    System.out.printf("{\"topic\":\"%s\",\"events\":%d,\"seconds\":%.3f,\"result\":%s}%n", topic, progress.read.sum(), seconds, result(streams));
    streams.close(Duration.ofSeconds(30));
    streams.cleanUp();
    deleteTopics(properties);
  }

  /** A run is over when every event was read and every update of it was added, in whichever partition that is. */
  static final class Progress {
    final AtomicLong startedAt = new AtomicLong();
    final LongAdder read = new LongAdder(), emitted = new LongAdder(), added = new LongAdder();

    void start() {
      if (startedAt.get() == 0) startedAt.compareAndSet(0, System.nanoTime());
    }

    boolean done(long events) {
      return read.sum() >= events && added.sum() >= emitted.sum();
    }
  }

  static Properties properties(Map<String, String> options) {
    Properties p = new Properties();
    p.put("application.id", "bench-streams-" + UUID.randomUUID());
    p.put("bootstrap.servers", options.get("brokers"));
    p.put("processing.guarantee", options.get("guarantee"));
    p.put("num.stream.threads", options.get("threads"));
    p.put("commit.interval.ms", options.get("commitMs"));
    p.put("state.dir", options.get("stateDir"));
    p.put("statestore.cache.max.bytes", Long.parseLong(options.get("cacheMb")) << 20);
    p.put("replication.factor", 1);
    p.put("topology.optimization", "all");
    p.put("consumer.auto.offset.reset", "earliest");
    p.put("consumer.max.poll.records", 5_000);
    p.put("consumer.max.partition.fetch.bytes", 8 << 20);
    p.put("producer.linger.ms", 5);
    p.put("producer.batch.size", 256 << 10);
    p.put("producer.buffer.memory", 64 << 20);
    return p;
  }

  static Topology dslTopology(String topic, ThreadLocal<TradeReader> readers, Progress progress) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(topic, Consumed.with(STRING, BYTES))
      .flatMap((position, value) -> {
        progress.start();
        List<KeyValue<String, byte[]>> updates = new ArrayList<>(12);
        readers.get().read(value, (key, trade) -> updates.add(KeyValue.pair(key, trade)));
        progress.emitted.add(updates.size());
        progress.read.increment();
        return updates;
      })
      .groupByKey(Grouped.with(STRING, BYTES))
      .aggregate(() -> null, (key, trade, sums) -> {
        progress.added.increment();
        return Sums.add(sums, trade);
      }, Materialized.<String, byte[], KeyValueStore<Bytes, byte[]>>as(STORE).withKeySerde(STRING).withValueSerde(BYTES));
    Properties optimised = new Properties();
    optimised.put("topology.optimization", "all");
    return builder.build(optimised);
  }

  static Topology localTopology(String topic, ThreadLocal<TradeReader> readers, Progress progress) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), STRING, BYTES).withCachingEnabled());
    builder.stream(topic, Consumed.with(STRING, BYTES)).process(() -> new ContextualProcessor<String, byte[], Void, Void>() {
      private KeyValueStore<String, byte[]> store;

      @Override
      public void init(ProcessorContext<Void, Void> context) {
        super.init(context);
        store = context.getStateStore(STORE);
      }

      @Override
      public void process(Record<String, byte[]> record) {
        progress.start();
        readers.get().read(record.value(), (key, trade) -> store.put(key, Sums.add(store.get(key), trade)));
        progress.read.increment();
      }
    }, STORE);
    return builder.build();
  }

  /** The baseline's R/R, and how many updates all keys together have seen: what shows that both programs did the same job. */
  static String result(KafkaStreams streams) {
    List<byte[]> baseline = new ArrayList<>();
    long updates = 0;
    var partitions = streams.metadataForLocalThreads().stream().flatMap(thread -> thread.activeTasks().stream()).map(task -> task.taskId().partition()).sorted().distinct().toList();
    for (int partition : partitions) {
      ReadOnlyKeyValueStore<String, byte[]> store = streams.store(
        StoreQueryParameters.fromNameAndType(STORE, QueryableStoreTypes.<String, byte[]>keyValueStore()).withPartition(partition));
      try (var entries = store.all()) {
        while (entries.hasNext()) {
          var entry = entries.next();
          updates += ByteBuffer.wrap(entry.value).getLong(40);
          if (entry.key.equals(BASELINE)) baseline.add(entry.value);
        }
      }
    }
    return Sums.merged(baseline, updates);
  }

  /** Streams leaves its repartition and changelog topics behind. */
  static void deleteTopics(Properties properties) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", properties.get("bootstrap.servers")))) {
      List<String> mine = admin.listTopics().names().get().stream().filter(name -> name.startsWith((String) properties.get("application.id"))).toList();
      admin.deleteTopics(mine).all().get();
    }
  }

  /** Decayed sums in 48 bytes: newest exit time, Σw and Σw·rr for both τ, count. Relative to the newest exit time. */
  static final class Sums {
    static byte[] add(byte[] sums, byte[] trade) {
      ByteBuffer in = ByteBuffer.wrap(trade);
      long t = in.getLong();
      double rr = in.getDouble();
      if (sums == null) return pack(t, 1, rr, 1, rr, 1);
      ByteBuffer s = ByteBuffer.wrap(sums);
      long ref = s.getLong();
      double ws = s.getDouble(), wrs = s.getDouble(), wl = s.getDouble(), wrl = s.getDouble();
      long n = s.getLong();
      if (t > ref) {
        double ds = Math.exp((ref - t) / TAU_SHORT), dl = Math.exp((ref - t) / TAU_LONG);
        return pack(t, ws * ds + 1, wrs * ds + rr, wl * dl + 1, wrl * dl + rr, n + 1);
      }
      double as = Math.exp((t - ref) / TAU_SHORT), al = Math.exp((t - ref) / TAU_LONG);
      return pack(ref, ws + as, wrs + as * rr, wl + al, wrl + al * rr, n + 1);
    }

    static byte[] pack(long ref, double ws, double wrs, double wl, double wrl, long n) {
      return ByteBuffer.allocate(48).putLong(ref).putDouble(ws).putDouble(wrs).putDouble(wl).putDouble(wrl).putLong(n).array();
    }

    static String merged(List<byte[]> partials, long updates) {
      long ref = partials.stream().mapToLong(p -> ByteBuffer.wrap(p).getLong()).max().orElse(0);
      double w = 0, wr = 0;
      long n = 0;
      for (byte[] partial : partials) {
        ByteBuffer s = ByteBuffer.wrap(partial);
        double decay = Math.exp((s.getLong() - ref) / TAU_SHORT);
        w += s.getDouble() * decay;
        wr += s.getDouble() * decay;
        n += s.getLong(40);
      }
      return String.format("{\"rr_short\":%s,\"n\":%d,\"updates\":%d}", wr / w, n, updates);
    }
  }

  /** Reads what a trade counts for, under models/lowcap-v4.json. Not thread-safe. */
  static final class TradeReader {
    /** Lever, field of the entry context, name inside the interaction key. */
    static final String[][] LEVERS = {
      {"curator", "curator", "curator"}, {"chain", "chain", "chain"}, {"cap", "mcap_bucket", "cap"}, {"vol", "vol_bucket", "vol"},
      {"age", "age_bucket", "age"}, {"intent", "intent", "intent"}, {"mapping_confidence", "mapping_confidence", "conf"},
      {"mcap_vol_ratio", "mcap_vol_ratio_bucket", "ratio"},
    };
    /** Where the field is absent, the age's bucket comes from its measure, as in the events of the benchmark. */
    static final double[] AGE_EDGES = {1, 3, 7, 14, 30, 90};
    static final String[] AGES = {"<1d", "1-3d", "3-7d", "7-14d", "14-30d", "30-90d", "90d+"};

    private final GenericDatumReader<GenericRecord> reader;
    private BinaryDecoder decoder;
    private GenericRecord record;

    TradeReader(Schema writer) {
      reader = new GenericDatumReader<>(writer, projection(writer));
    }

    /** The same fields as the learner decodes; the rest is skipped. */
    static Schema projection(Schema writer) {
      List<String> wanted = List.of("event_id", "revision", "voided", "timeframe", "closed_at", "rr", "levers", "measures", "source");
      List<Schema.Field> fields = writer.getFields().stream().filter(f -> wanted.contains(f.name())).map(f -> new Schema.Field(f, f.schema())).toList();
      return Schema.createRecord(writer.getName(), null, writer.getNamespace(), false, fields);
    }

    void read(byte[] value, BiConsumer<String, byte[]> update) {
      try {
        decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, decoder);
        record = reader.read(record, decoder);
      } catch (IOException e) {
        throw new IllegalStateException("not an event", e);
      }
      if (record.get("rr") == null || (Boolean) record.get("voided")) return;
      byte[] trade = ByteBuffer.allocate(16).putLong((Long) record.get("closed_at")).putDouble((Double) record.get("rr")).array();
      Map<String, String> context = new HashMap<>();
      ((Map<?, ?>) record.get("levers")).forEach((name, text) -> context.put(name.toString(), text.toString()));
      TreeMap<String, String> parts = new TreeMap<>();
      for (String[] lever : LEVERS) {
        String text = context.get(lever[1]);
        if (text == null) continue;
        parts.put(lever[2], text);
        update.accept(lever[0] + "=" + text, trade);
      }
      String age = parts.containsKey("age") ? null : ageOf((Map<?, ?>) record.get("measures"));
      if (age != null) {
        parts.put("age", age);
        update.accept("age=" + age, trade);
      }
      update.accept("timeframe=" + record.get("timeframe"), trade);
      StringBuilder key = new StringBuilder("interaction:");
      parts.forEach((name, text) -> key.append(name).append('=').append(text).append('|'));
      update.accept(key.toString(), trade);
      update.accept(BASELINE, trade);
    }

    static String ageOf(Map<?, ?> measures) {
      for (Map.Entry<?, ?> measure : measures.entrySet()) {
        if (!measure.getKey().toString().equals("age_at_entry")) continue;
        int i = 0;
        while (i < AGE_EDGES.length && (Double) measure.getValue() >= AGE_EDGES[i]) i++;
        return AGES[i];
      }
      return null;
    }
  }
}
