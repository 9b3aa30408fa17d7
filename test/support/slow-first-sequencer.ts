import Sequencer from '@jest/test-sequencer';

type Tests = Parameters<InstanceType<typeof Sequencer>['sort']>[0];

/**
 * Begins with the suites that take longest, also where no earlier run has told Jest which these are: begun last, they
 * would keep one of two workers waiting.
 */
// biome-ignore lint/style/noDefaultExport: Jest takes a sequencer from there.
export default class SlowFirstSequencer extends Sequencer {
  override sort(tests: Tests) {
    const isSlow = ({ path }: Tests[number]) => /[\\/]test[\\/]faults[\\/]/.test(path);
    const sorted = super.sort(tests) as Tests; // it answers no promise
    return [...sorted].sort((one, other) => Number(isSlow(other)) - Number(isSlow(one)));
  }
}
