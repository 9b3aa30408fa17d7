import type { Operation } from './operations.ts';
import { parseScenarioOptions, type ScenarioOptions } from './scenario-options.ts';
import { operationOf, type ScenarioName, scenarios } from './scenarios.ts';

/** A scenario that waits for its call. */
export interface OrderedScenario {
  name: ScenarioName;
  options: ScenarioOptions;
}

/** Scenarios in the order in which they were asked for; each is used up by one call. */
export interface ScenarioQueue {
  /** Throws with every fault when the name or an option is wrong. Names and options may come from anywhere. */
  add(name: unknown, options?: unknown): void;
  /** The first scenario that is meant for such a call. */
  take(operation: Operation): OrderedScenario | undefined;
  clear(): void;
}

/** Wrong input to the emulator's controls. */
export class ScenarioError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('; '));
    this.name = 'ScenarioError';
    this.faults = faults;
  }
}

const limit = 10_000;

export function createScenarioQueue(): ScenarioQueue {
  const waiting: OrderedScenario[] = [];
  return {
    add(name, options) {
      const scenario = parse(name, options);
      const times = scenario.options.times ?? 1;
      if (waiting.length + times > limit)
        throw new ScenarioError([`more than ${limit} scenarios are waiting`]);
      for (let count = 0; count < times; count += 1) waiting.push(scenario);
    },
    take(operation) {
      const index = waiting.findIndex(({ name, options }) => {
        const meant = options.operation ?? operationOf(name);
        // Clients ask for the profile when they see fit: what is ordered for "the next call" is not for that one.
        return meant === undefined ? operation !== 'profile' : meant === operation;
      });
      return index < 0 ? undefined : waiting.splice(index, 1)[0];
    },
    clear() {
      waiting.length = 0;
    },
  };
}

function parse(name: unknown, options: unknown): OrderedScenario {
  const faults: string[] = [];
  if (!isScenarioName(name)) faults.push(`scenario: must be one of ${Object.keys(scenarios).join(', ')}`);
  const parsed = parseScenarioOptions(options);
  if ('faults' in parsed) faults.push(...parsed.faults);
  else if (name !== 'unknown-status' && typeof parsed.options.status === 'string') {
    faults.push('options.status: must be an HTTP status, as a number; only unknown-status takes a word');
  }
  if (!isScenarioName(name) || 'faults' in parsed || faults.length > 0) throw new ScenarioError(faults);
  return { name, options: parsed.options };
}

function isScenarioName(name: unknown): name is ScenarioName {
  return typeof name === 'string' && Object.hasOwn(scenarios, name);
}
