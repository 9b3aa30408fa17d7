import type { TokenFailure } from './aadsts.ts';

/** How the emulated Entra ID fails as a whole: metadata, keys and token endpoint. */
export type OutageKind = 'none' | 'refuse-connections' | 'server-error' | 'not-json' | 'never-answers';

export const outageKinds: readonly OutageKind[] = [
  'none',
  'refuse-connections',
  'server-error',
  'not-json',
  'never-answers',
];

/** Faults that were ordered: the outage that lasts, and the next answers of the partner tenant's token endpoint. */
export interface TokenFaults {
  outage(): OutageKind;
  setOutage(kind: OutageKind): void;
  add(failure: TokenFailure, times: number): void;
  /** The next failure, which is used up by asking. */
  take(): TokenFailure | undefined;
}

const limit = 10_000;

export function createTokenFaults(): TokenFaults {
  let kind: OutageKind = 'none';
  const queue: TokenFailure[] = [];
  return {
    outage: () => kind,
    setOutage(next) {
      if (!outageKinds.includes(next)) {
        throw new Error(`outage must be one of ${outageKinds.join(', ')}, not ${String(next)}`);
      }
      kind = next;
    },
    add(failure, times) {
      checkFailure(failure, times);
      if (queue.length + times > limit) throw new Error(`more than ${limit} failures are waiting`);
      for (let count = 0; count < times; count += 1) queue.push({ ...failure });
    },
    take: () => queue.shift(),
  };
}

function checkFailure({ error, code, status }: TokenFailure, times: number): void {
  const faults: string[] = [];
  if (typeof error !== 'string' || error === '')
    faults.push('error must be an OAuth error such as invalid_grant');
  if (!Number.isInteger(code) || code <= 0) faults.push('code must be the number behind AADSTS');
  if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status <= 599)) {
    faults.push('status must be an HTTP status from 400 to 599');
  }
  if (!Number.isInteger(times) || times < 1) faults.push('times must be a whole number from 1');
  if (faults.length > 0) throw new Error(faults.join('; '));
}
