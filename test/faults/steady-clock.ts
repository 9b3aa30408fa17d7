/** A clock that does not run while this process is held up. */
export interface SteadyClock {
  /** Milliseconds since 1970, minus the time for which the process stood still. */
  now(): number;
  stop(): void;
}

const tickMs = 50;
const longestTickMs = 150;

/**
 * Partner Center must not forget a call faster than a gateway can repeat it only because the machine is busy: what
 * comes late because nothing was running has not come late by this clock.
 */
export function startSteadyClock(): SteadyClock {
  let tickedAt = Date.now();
  let before = performance.now();
  const sinceTick = () => Math.min(longestTickMs, performance.now() - before);
  const timer = setInterval(() => {
    tickedAt += sinceTick();
    before = performance.now();
  }, tickMs);
  return { now: () => Math.floor(tickedAt + sinceTick()), stop: () => clearInterval(timer) };
}
