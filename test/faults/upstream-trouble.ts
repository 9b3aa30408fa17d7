import type { PartnerCenterControls } from '../../src/emulator/partner-center/partner-center-controls.ts';
import type { ScenarioName } from '../../src/emulator/partner-center/scenarios.ts';
import type { Random } from './random.ts';

type Trouble = readonly [ScenarioName, weight: number];

const createTroubles: readonly Trouble[] = [
  ['reset-after-accept', 8],
  ['reset-before-accept', 4],
  ['timeout-after-accept', 3],
  ['timeout-before-accept', 2],
  ['slow', 8],
  ['throttled', 8],
  ['server-error', 4],
  ['unavailable', 3],
  ['no-location', 4],
  ['garbage-location', 3],
  ['absolute-location', 2],
  ['status-body', 2],
  ['broken-json', 2],
  ['cut-body', 4],
  ['stalled-body', 2],
  ['not-json', 2],
  ['redirect', 1],
  ['unauthorized', 1],
];

const eligibilityTroubles: readonly Trouble[] = [
  ['throttled', 4],
  ['server-error', 3],
  ['reset-before-accept', 3],
  ['timeout-before-accept', 1],
  ['slow', 3],
  ['broken-json', 2],
  ['cut-body', 2],
  ['unavailable', 2],
];

function pickTrouble(troubles: readonly Trouble[], random: Random): ScenarioName {
  let left = random.next() * troubles.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of troubles) {
    left -= weight;
    if (left < 0) return name;
  }
  return 'slow';
}

/** Now and then has Partner Center lose, delay, refuse or garble its answer to one of the next calls. */
export function causeUpstreamTrouble({ next }: PartnerCenterControls, random: Random): void {
  const choices = random.fork('details');
  const options = { retryAfterSeconds: choices.between(0, 2), delayMs: choices.between(20, 700) };
  if (random.chance(0.35))
    next(pickTrouble(createTroubles, random), {
      ...options,
      operation: 'create',
      // Some last longer than the retries within one call.
      ...(random.chance(0.15) && { times: 4 }),
    });
  // It is far away, too: gateways that got into each other's way would hardly meet otherwise.
  else next('slow', { delayMs: choices.between(20, 200), operation: 'create' });
  if (random.chance(0.15))
    next(pickTrouble(eligibilityTroubles, random), { ...options, operation: 'eligibility' });
}
