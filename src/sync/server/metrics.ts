/** What a server counts, for Prometheus. Names of stores, branches and tokens are not among it. Layer: sync. */
import {Counter, collectDefaultMetrics, Gauge, Histogram, Registry} from 'prom-client';

export class Metrics {
  private readonly registry = new Registry();
  private readonly requests = new Counter({
    name: 'dbos_http_requests_total',
    help: 'Requests answered, by call and HTTP status.',
    labelNames: ['call', 'status'],
    registers: [this.registry],
  });
  private readonly seconds = new Histogram({
    name: 'dbos_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer, by call.',
    labelNames: ['call'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    registers: [this.registry],
  });
  private readonly bytes = new Counter({
    name: 'dbos_transfer_bytes_total',
    help: 'Bytes of messages, received (in) and sent (out).',
    labelNames: ['direction'],
    registers: [this.registry],
  });
  private readonly busy = new Gauge({
    name: 'dbos_http_requests_active',
    help: 'Requests that are worked on.',
    registers: [this.registry],
  });
  private readonly queued = new Gauge({
    name: 'dbos_http_requests_waiting',
    help: 'Requests that wait for their turn.',
    registers: [this.registry],
  });
  private readonly memoryBytes = new Gauge({
    name: 'dbos_request_memory_bytes',
    help: 'Memory for what requests bring: in use (used), and all there is (limit).',
    labelNames: ['kind'],
    registers: [this.registry],
  });
  private readonly memoryWaiting = new Gauge({
    name: 'dbos_request_memory_waiting',
    help: 'Requests that wait for memory.',
    registers: [this.registry],
  });
  private readonly refused = new Counter({
    name: 'dbos_access_refused_total',
    help: 'Requests without a valid token.',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({register: this.registry});
  }

  answered(call: string, status: number, seconds: number): void {
    this.requests.inc({call, status});
    this.seconds.observe({call}, seconds);
  }

  moved(received: number, sent: number): void {
    this.bytes.inc({direction: 'in'}, received);
    this.bytes.inc({direction: 'out'}, sent);
  }

  load(active: number, waiting: number): void {
    this.busy.set(active);
    this.queued.set(waiting);
  }

  memory(used: number, limit: number, waiting: number): void {
    this.memoryBytes.set({kind: 'used'}, used);
    this.memoryBytes.set({kind: 'limit'}, limit);
    this.memoryWaiting.set(waiting);
  }

  accessRefused(): void {
    this.refused.inc();
  }

  /** Returns everything in Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }
}
