import type { UpgradeReport, UpgradeStatus } from './types.ts';

// Microsoft lists its status words nowhere. "Completed" is attested; pending, in progress and failed are implied by
// the texts of errors 900112 to 900114.
const statusOfWord: ReadonlyMap<string, UpgradeStatus> = new Map([
  ['pending', 'NotStarted'],
  ['notstarted', 'NotStarted'],
  ['inprogress', 'Running'],
  ['running', 'Running'],
  ['completed', 'Succeeded'],
  ['failed', 'Failed'],
]);

const normalize = (word: string) => word.toLowerCase().replace(/[\s_]/g, '');

/** Translates Partner Center's word; one that we do not know means that the upgrade is still under way. */
export const toUpgradeStatus = (word: string): UpgradeStatus =>
  statusOfWord.get(normalize(word)) ?? 'Running';

export const isKnownStatus = (word: string): boolean => statusOfWord.has(normalize(word));

/** An upgrade is final when it succeeded or failed: nobody needs to ask for it again. */
export const isFinal = (status: UpgradeStatus): boolean => status === 'Succeeded' || status === 'Failed';

export const isFinalReport = (report: UpgradeReport | undefined): boolean =>
  report !== undefined && isFinal(toUpgradeStatus(report.partnerCenterStatus));
