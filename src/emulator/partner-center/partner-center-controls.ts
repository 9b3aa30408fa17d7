import type { Operation } from './operations.ts';
import type { ScenarioOptions } from './scenario-options.ts';
import type { ScenarioName } from './scenarios.ts';
import type { EmulatedUpgrade } from './upgrade-book.ts';

/** A call that reached the emulated Partner Center. */
export interface PartnerCenterRequest {
  /** Milliseconds since 1970. */
  at: number;
  /** `unknown`: a path that Partner Center does not have. */
  operation: Operation | 'unknown';
  path: string;
  /** Names in lower case; the authorization is replaced by `Bearer ***`. */
  headers: Readonly<Record<string, string>>;
  /** As parsed; the text where it is no JSON. */
  body: unknown;
  /** HTTP status of the answer; undefined while there is none, and for good when the call is left unanswered. */
  answered: number | undefined;
  /** When the call was over, answered or not: milliseconds since 1970; undefined while its connection waits. */
  endedAt: number | undefined;
}

/** What a test or a person can make the emulated Partner Center do. */
export interface PartnerCenterControls {
  /** The next call (of `options.operation`, if given) plays this scenario, once or `options.times`; first in, first out. */
  next(scenario: ScenarioName, options?: ScenarioOptions): void;
  /** Oldest first. */
  upgrades(): readonly EmulatedUpgrade[];
  /** The last 10,000 calls (or what `capacity` says), oldest first. */
  requests(): readonly PartnerCenterRequest[];
  /** Forgets upgrades, calls, answered request ids and waiting scenarios. */
  reset(): void;
}
