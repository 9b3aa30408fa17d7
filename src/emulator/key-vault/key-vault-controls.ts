import type { EmulatedSecretVersion, SecretAttributes } from './secret-book.ts';

/** A request that reached the emulated Key Vault. Headers, bodies and values are left out: they carry secrets. */
export interface KeyVaultRequest {
  /** Milliseconds since 1970. */
  at: number;
  method: string;
  path: string;
  /** HTTP status of the answer; undefined while there is none, and for good when the call is left unanswered. */
  answered: number | undefined;
}

/**
 * How a call goes wrong. `reset-before` and `reset-after` end the connection before and after the call took effect;
 * `not-json` is a page of something in between.
 */
export type KeyVaultFault =
  | 'forbidden'
  | 'forbidden-by-firewall'
  | 'throttled'
  | 'server-error'
  | 'unavailable'
  | 'not-json'
  | 'reset-before'
  | 'reset-after'
  | 'never-answers';

export const keyVaultFaults: readonly KeyVaultFault[] = [
  'forbidden',
  'forbidden-by-firewall',
  'throttled',
  'server-error',
  'unavailable',
  'not-json',
  'reset-before',
  'reset-after',
  'never-answers',
];

export interface KeyVaultFaultOptions {
  /** How many calls; default 1. */
  times?: number;
  /** Calls of this method alone. */
  method?: 'GET' | 'PUT' | 'PATCH';
  /** How many calls (of that method) pass unharmed before; default 0. */
  after?: number;
  /** Sent with `throttled` and `unavailable`; none if left out. */
  retryAfterSeconds?: number;
}

/** What a test can make the emulated Key Vault do. Only calls that carry a valid token count. */
export interface KeyVaultControls {
  /** The next call goes wrong like this. */
  next(fault: KeyVaultFault, options?: KeyVaultFaultOptions): void;
  /** From now on each call waits so long before it takes effect, and again before it is answered; `undefined` ends it. */
  slowDown(delayMs: (() => number) | undefined): void;
  /** Puts a secret as a person would by hand. */
  put(name: string, value: string, attributes?: SecretAttributes): void;
  /** Changes a version, the newest if none is named. */
  update(name: string, attributes: SecretAttributes, version?: string): void;
  /** Deletes a secret softly. */
  remove(name: string): void;
  recover(name: string): void;
  /** Oldest first; empty for a secret that does not exist or is deleted. */
  versions(name: string): readonly EmulatedSecretVersion[];
  /** The last 10,000 calls, oldest first. */
  requests(): readonly KeyVaultRequest[];
  /** Forgets waiting faults, and is quick again. */
  calm(): void;
  /** Forgets secrets, calls and waiting faults, and is quick again. */
  reset(): void;
}
