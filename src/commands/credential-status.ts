import type { Diagnosis } from '../partner-credential/diagnosis.ts';

const dayMs = 86_400_000;

/** The diagnosis as lines for a person; `now` is epoch milliseconds. */
export function showCredential(diagnosis: Diagnosis, now: number): string {
  const day = (time: number) => `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const end = (time: number) => `${day(time)}, in ${Math.max(0, Math.floor((time - now) / dayMs))} days`;
  const yes = (value: boolean | undefined) => (value === undefined ? 'not known' : value ? 'yes' : 'no');
  const { connectedAs, connectedSince, lastRenewedAt, expiresAt, partnerCenter, failureCode } = diagnosis;
  const maybe = <T>(value: T | undefined, show: (value: T) => string) =>
    value === undefined ? undefined : show(value);
  const rows: readonly (readonly [name: string, value: string | undefined])[] = [
    ['State', diagnosis.state],
    ['', diagnosis.detail],
    ['Code', failureCode],
    ['Failing since', maybe(diagnosis.failingSince, day)],
    ['What to do', diagnosis.whatToDo],
    ['Connected as', connectedAs],
    ['Connected since', maybe(connectedSince, day)],
    ['Last renewed', maybe(lastRenewedAt, day)],
    ['Expires at the latest', maybe(expiresAt, end)],
    ['MFA', maybe(lastRenewedAt, () => yes(diagnosis.hasMfa))],
    [
      'Partner Center',
      maybe(
        partnerCenter,
        ({ answer, isMfaCompliant }) => `${answer}; counts as MFA: ${yes(isMfaCompliant)}`,
      ),
    ],
    ['Client certificate', maybe(diagnosis.clientCertificateExpiresAt, (time) => `expires ${end(time)}`)],
  ];
  return rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(23)}${value}`)
    .join('\n');
}
