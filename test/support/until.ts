import { setTimeout as sleep } from 'node:timers/promises';

const longestMs = 10_000;

/** Resolves with what is found once there is something; throws where there is nothing in time. */
export async function until<T>(what: () => T | false | Promise<T | false>): Promise<T> {
  for (const end = Date.now() + longestMs; ; await sleep(20)) {
    const found = await what();
    if (found) return found;
    if (Date.now() > end) throw new Error('it did not happen in time');
  }
}
