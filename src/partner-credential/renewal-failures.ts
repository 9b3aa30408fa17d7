import type { CredentialLog } from './ports.ts';
import { toFailureKind } from './token-failures.ts';

/** Why renewals fail, since when and how often in a row. */
export interface RenewalFailure {
  readonly error: unknown;
  readonly since: number;
  readonly at: number;
  readonly count: number;
  /** The refresh token that failed; left out where none could be tried. Clocks differ, tokens do not. */
  readonly refreshToken?: string;
  /** The credential before the current one works in its place, for now. */
  readonly isBridged: boolean;
}

/** Remembers why renewals fail, and alarms the moment they begin to, once. */
export interface RenewalFailures {
  note(error: unknown, facts: Pick<RenewalFailure, 'refreshToken' | 'isBridged'>): void;
  /** One has succeeded. */
  clear(): void;
  find(): RenewalFailure | undefined;
}

export interface RenewalFailuresParts {
  readonly log: CredentialLog;
  readonly now: () => number;
}

export function createRenewalFailures({ log, now }: RenewalFailuresParts): RenewalFailures {
  let failure: RenewalFailure | undefined;
  return {
    note(error, facts) {
      const kind = toFailureKind(error);
      const isNew = failure === undefined || toFailureKind(failure.error) !== kind;
      const at = now();
      failure = { ...facts, error, at, since: failure?.since ?? at, count: (failure?.count ?? 0) + 1 };
      if (!isNew) return;
      const alarm = { err: error, alarm: 'partner_credential_not_renewed', kind };
      // An outage ends by itself, and the cached token lasts meanwhile: a person must act on the others.
      if (kind === 'unreachable') log.warn(alarm, 'The partner credential cannot be renewed for now');
      else log.error(alarm, 'The partner credential can no longer be renewed');
    },
    clear() {
      if (failure)
        log.info({ failedSince: new Date(failure.since) }, 'The partner credential is renewed again');
      failure = undefined;
    },
    find: () => failure,
  };
}
