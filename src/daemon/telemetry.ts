/**
 * The daemon's metrics for OpenTelemetry, by Deno's own exporter (docs.deno.com, "OpenTelemetry"), which is
 * set up by the OTEL_* variables. Without that exporter the API does nothing.
 */
import { METRICS } from "../control/metrics.ts";
import type { StatusDocument } from "../control/protocol.ts";

/** Has all metrics of the status read whenever they are exported. Loads the API only here. */
export async function exportMetrics(
  status: () => StatusDocument,
  version: string,
): Promise<void> {
  const { metrics } = await import("@opentelemetry/api");
  const meter = metrics.getMeter("cloudmount", version);
  const families = METRICS.map(({ name, help, type, samples }) => {
    const options = { description: help };
    const instrument = type === "counter"
      ? meter.createObservableCounter(name, options)
      : meter.createObservableGauge(name, options);
    return { instrument, samples };
  });
  meter.addBatchObservableCallback(
    (result) => {
      const now = status();
      for (const { instrument, samples } of families) {
        for (const [labels, value] of samples(now)) {
          if (value !== null) result.observe(instrument, value, labels);
        }
      }
    },
    families.map(({ instrument }) => instrument),
  );
}
