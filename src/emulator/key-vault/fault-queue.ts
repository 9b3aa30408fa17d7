import { type KeyVaultFault, type KeyVaultFaultOptions, keyVaultFaults } from './key-vault-controls.ts';

/** A fault that waits for its call. */
export interface OrderedFault {
  fault: KeyVaultFault;
  method: string | undefined;
  after: number;
  times: number;
  retryAfterSeconds: number | undefined;
}

/** Faults in the order in which they were asked for; each call uses up one. */
export interface FaultQueue {
  add(fault: KeyVaultFault, options?: KeyVaultFaultOptions): void;
  take(method: string): OrderedFault | undefined;
  clear(): void;
}

const limit = 10_000;

export function createFaultQueue(): FaultQueue {
  const waiting: OrderedFault[] = [];
  return {
    add(fault, { times = 1, method, after = 0, retryAfterSeconds } = {}) {
      if (!keyVaultFaults.includes(fault))
        throw new Error(`the fault must be one of ${keyVaultFaults.join(', ')}, not ${String(fault)}`);
      if (!Number.isInteger(times) || times < 1 || !Number.isInteger(after) || after < 0)
        throw new Error('times must be a whole number from 1, after one from 0');
      if (waiting.length >= limit) throw new Error(`more than ${limit} faults are waiting`);
      waiting.push({ fault, method, after, times, retryAfterSeconds });
    },
    take(method) {
      const index = waiting.findIndex((each) => each.method === undefined || each.method === method);
      const found = waiting[index];
      if (!found) return undefined;
      if (found.after > 0) {
        found.after -= 1;
        return undefined;
      }
      found.times -= 1;
      if (found.times === 0) waiting.splice(index, 1);
      return found;
    },
    clear() {
      waiting.length = 0;
    },
  };
}
