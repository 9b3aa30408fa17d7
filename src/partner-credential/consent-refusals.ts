/** Why a sign-in did not become a partner credential, in words, with what to do. The reasons stand in the audit log. */
export const consentRefusals = {
  malformed: {
    title: 'This is not a sign-in’s answer',
    detail: 'The address lacks what Entra ID adds to it after a sign-in.',
  },
  unknown: {
    title: 'This sign-in is not known',
    detail: 'It was not begun at this gateway, or it is long over.',
  },
  replayed: {
    title: 'This sign-in was used already',
    detail: 'Each one counts once. What it did the first time still holds.',
  },
  expired: {
    title: 'The sign-in took too long',
    detail: 'It must be finished within ten minutes of its beginning.',
  },
  declined: {
    title: 'The consent was declined',
    detail: 'Whoever signed in did not let the gateway act for the partner.',
  },
  signInFailed: { title: 'The sign-in did not succeed', detail: '' },
  wrongTenant: {
    title: 'That account belongs to another tenant',
    detail:
      'The gateway acts for one partner, and the account that signed in is not of that partner’s tenant.',
  },
  mfaMissing: {
    title: 'The sign-in had no second factor',
    detail: 'Partner Center accepts only sign-ins with multi-factor authentication (MFA).',
  },
  mfaUnknown: {
    title: 'It is not known whether the sign-in had a second factor',
    detail:
      'Neither Entra ID nor Partner Center says that it had one (MFA), and the partner is connected by a sign-in of which that is known.',
  },
  partnerCenterRefused: { title: 'Partner Center does not accept the sign-in', detail: '' },
  unavailable: { title: 'It could not be finished just now', detail: '' },
  notStored: {
    title: 'The sign-in is good, but it could not be kept',
    detail: 'The gateway’s credential store did not take it.',
  },
} as const;

export type ConsentRefusalReason = keyof typeof consentRefusals;

const again = 'Ask whoever sent you the link for a new one.';

/** What the person in front of the browser, or whoever sent the link, can do. */
export const whatToDoAbout: Readonly<Record<ConsentRefusalReason, string>> = {
  malformed: again,
  unknown: again,
  replayed: `If you were told that the partner is connected, you are done. If not: ${again.toLowerCase()}`,
  expired: again,
  declined: `To connect the partner after all, begin again and accept. ${again}`,
  signInFailed: again,
  wrongTenant: `Sign in with an admin agent’s account of the partner’s own tenant. ${again}`,
  mfaMissing: `Register a second factor for the account, or have an administrator require MFA for this application, then sign in again. ${again}`,
  mfaUnknown: `Have an administrator require MFA for this application, so that Entra ID states it, then sign in again. Should it not be stated even so, and the former sign-in work no more, tell the operator: once the former credential is moved away, this one is accepted. ${again}`,
  partnerCenterRefused: `Check that the account is an admin agent in Partner Center. ${again}`,
  unavailable: `Wait a few minutes. ${again}`,
  notStored: `Tell the operator: the gateway’s log says what is wrong with the store. ${again}`,
};
