import { describe, expect, it } from '@jest/globals';
import { isFinal, toUpgradeStatus } from '../../../src/product-upgrades/upgrade-status.ts';

describe('Partner Center’s status words', () => {
  it.each([
    ['Completed', 'Succeeded'],
    ['COMPLETED', 'Succeeded'],
    ['Pending', 'NotStarted'],
    ['In Progress', 'Running'],
    ['in_progress', 'Running'],
    ['InProgress', 'Running'],
    ['Failed', 'Failed'],
    ['Hibernating', 'Running'],
    ['constructor', 'Running'],
    ['', 'Running'],
  ] as const)('%j is %s', (word, status) => expect(toUpgradeStatus(word)).toBe(status));

  it('an upgrade is final when it succeeded or failed, and not before', () => {
    const final = (['NotStarted', 'Running', 'Succeeded', 'Failed', 'Canceled'] as const).filter(isFinal);
    expect(final).toEqual(['Succeeded', 'Failed']);
  });
});
