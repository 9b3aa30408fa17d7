import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

type Reading = number | Readonly<Record<string, number>> | undefined;

/** The metrics of one gateway, in a registry of its own. Names begin with `upgrade_gateway_`. */
export interface MetricRegistry {
  /** A count by one label; its values are known beforehand, so that each is there from the start, as 0. */
  counter(name: string, help: string, label: string, values: readonly string[]): (value: string) => void;
  /** Read when it is asked for: a number, or numbers by the values of `label`; undefined leaves it out. */
  gauge(name: string, help: string, read: () => Promise<Reading> | Reading, label?: string): void;
}

export interface Metrics extends MetricRegistry {
  readonly contentType: string;
  /** Everything in Prometheus' text format. */
  toText(): Promise<string>;
}

/** Includes the process's own metrics (memory, event loop, garbage collection). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  return {
    contentType: registry.contentType,
    toText: () => registry.metrics(),

    counter(name, help, label, values) {
      const counter = new Counter({ name, help, labelNames: [label], registers: [registry] });
      for (const value of values) counter.inc({ [label]: value }, 0);
      return (value) => counter.inc({ [label]: value });
    },

    gauge(name, help, read, label) {
      const gauge = new Gauge({
        name,
        help,
        labelNames: label ? [label] : [],
        registers: [registry],
        async collect() {
          gauge.reset();
          const reading = await read();
          if (typeof reading === 'number') gauge.set(reading);
          // A gauge without labels is 0 after a reset; what is not known is no 0.
          else if (reading === undefined) gauge.remove();
          else for (const [value, each] of Object.entries(reading)) gauge.set({ [label ?? '']: value }, each);
        },
      });
    },
  };
}
