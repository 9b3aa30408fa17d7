import got, { type Got } from 'got';

export type { RequestError, RetryFunction } from 'got';

/** The client through which the gateway calls out. Those who need it receive it as an argument. */
export type HttpClient = Got;

const maxResponseBytes = 1024 * 1024;

/**
 * What holds for every outbound call: a time-out, no redirects (a bearer token must not follow one), no retry that
 * was not asked for, and an end to an answer that grows without bound (it comes out as an aborted call).
 */
export function createHttpClient(): HttpClient {
  return got.extend({
    timeout: { request: 10_000 },
    followRedirect: false,
    retry: { limit: 0 },
    throwHttpErrors: false,
    headers: { 'user-agent': 'product-upgrade-gateway' },
    handlers: [
      (options, next) => {
        const tooLarge = new AbortController();
        options.signal = options.signal
          ? AbortSignal.any([options.signal, tooLarge.signal])
          : tooLarge.signal;
        const call = next(options);
        // got types `on` apart for streams and promises; both emit this event.
        (call as NodeJS.EventEmitter).on('downloadProgress', ({ transferred }: { transferred: number }) => {
          if (transferred > maxResponseBytes) tooLarge.abort();
        });
        return call;
      },
    ],
  });
}
