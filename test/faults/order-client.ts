import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Sender } from './planned-order.ts';
import type { Random } from './random.ts';

/** The last word on what was sent: an answer after which a client would not send it again. */
export interface Answer {
  readonly sender: Sender;
  readonly status: number;
  readonly code?: string | undefined;
  readonly upgradeId?: string | undefined;
  /** What was sent once more although it had been answered: it shall be answered alike. */
  readonly isRepeat: boolean;
}

export interface OrderClientParts {
  readonly tokens: readonly string[];
  /** Where gateways listen at the moment. */
  readonly urls: () => readonly string[];
  readonly random: Random;
  /** Ends the retries of what stays without an answer. */
  readonly givingUp: AbortSignal;
  /** How many of a hundred requests the client cuts before it has the answer. */
  readonly cutPercent: () => number;
}

/** A caller of the gateways: it retries until it has an answer, at whichever gateway there is. */
export interface OrderClient {
  /** Undefined where there was no answer until the end. */
  order(sender: Sender, options?: { readonly isRepeat?: boolean }): Promise<Answer | undefined>;
  /** The HTTP status of a GET, at the first gateway that answers below 500. */
  get(path: string, caller: number): Promise<number | undefined>;
  readonly requests: () => number;
}

const bodySchema = z.object({ upgradeId: z.string().optional(), code: z.string().optional() });

const patienceMs = 9_000; // a gateway waits up to 5 s for another order, and then has to call Partner Center
const isRetried = (status: number, { code, upgradeId }: z.infer<typeof bodySchema>) =>
  status >= 500 ||
  status === 429 ||
  code === 'idempotency_key_in_use' ||
  (code === 'upgrade_already_in_progress' && upgradeId === undefined);

export function createOrderClient({
  tokens,
  urls,
  random,
  givingUp,
  cutPercent,
}: OrderClientParts): OrderClient {
  let requests = 0;

  /** One request; undefined where no gateway was there or the connection was lost. */
  async function send(path: string, caller: number, init: RequestInit): Promise<Response | undefined> {
    const [first, ...others] = urls();
    if (first === undefined) return undefined;
    const url = random.pick([first, ...others]);
    const cutAfterMs = random.between(0, 99) < cutPercent() ? random.between(0, 150) : patienceMs;
    requests += 1;
    try {
      const response = await fetch(`${url}${path}`, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${tokens[caller]}` },
        signal: AbortSignal.timeout(cutAfterMs),
      });
      const text = await response.text();
      return new Response(text, { status: response.status });
    } catch {
      return undefined;
    }
  }

  const pause = () =>
    sleep(random.between(150, 1_000), undefined, { signal: givingUp }).catch(() => undefined);

  return {
    requests: () => requests,

    async order(sender, { isRepeat = false } = {}) {
      const { caller, customerId, key, delayMs } = sender;
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
        body: JSON.stringify({ customerId, productFamily: 'Azure' }),
      };
      if (!isRepeat) await sleep(delayMs);
      for (; !givingUp.aborted; await pause()) {
        const response = await send('/v1/product-upgrades', caller, init);
        if (!response) continue;
        const body = bodySchema.parse(await response.json());
        if (!isRetried(response.status, body)) return { sender, status: response.status, ...body, isRepeat };
      }
      return undefined;
    },

    async get(path, caller) {
      for (; !givingUp.aborted; await pause()) {
        const response = await send(path, caller, {});
        if (response && response.status < 500) return response.status;
      }
      return undefined;
    },
  };
}
