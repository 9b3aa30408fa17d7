import { page } from '../http/page.ts';
import { type ConsentRefusalReason, consentRefusals, whatToDoAbout } from './consent-refusals.ts';
import type { FinishedConsent } from './finish-consent.ts';

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

interface CardParts {
  readonly mood: 'good' | 'bad';
  readonly title: string;
  /** Paragraphs and lists of ours, whose values have been escaped. */
  readonly body: string;
  readonly correlationId: string;
}

function card({ mood, title, body, correlationId }: CardParts): string {
  const mark = mood === 'good' ? '✓' : '!';
  return page({
    title: `${title} · Product Upgrade Gateway`,
    root: '../../',
    styleSheets: ['page.css'],
    body: `<section class="card ${mood}">
<p class="mark" aria-hidden="true">${mark}</p>
<h1>${title}</h1>
${body}
<p class="small">Product Upgrade Gateway · correlation id <code>${escapeHtml(correlationId)}</code></p>
</section>`,
  });
}

const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });

/** What the person who signed in sees. */
export function consentPage(finished: FinishedConsent, correlationId: string): string {
  if (!finished.isGranted) {
    const { reason, detail } = finished;
    return refusalPage(reason, detail, correlationId);
  }
  const { connectedAs, hasMfa, expiresAt } = finished;
  return card({
    mood: 'good',
    title: 'Connected',
    body: `<p>The gateway can now order product upgrades for the partner.</p>
<dl>
<dt>Connected as</dt><dd>${escapeHtml(connectedAs ?? 'an account without a name')}</dd>
<dt>Multi-factor authentication</dt><dd>${hasMfa ? 'Yes, and Partner Center accepts it' : 'Not known; Partner Center accepts the sign-in'}</dd>
<dt>Valid until</dt><dd>${date.format(expiresAt)}, and renewed every day from now on</dd>
</dl>
<p>There is nothing left to do. You can close this page.</p>`,
    correlationId,
  });
}

function refusalPage(reason: ConsentRefusalReason, detail: string, correlationId: string): string {
  return card({
    mood: 'bad',
    title: consentRefusals[reason].title,
    body: `<p>${escapeHtml(detail)}</p>
<h2>What to do</h2>
<p>${escapeHtml(whatToDoAbout[reason])}</p>
<p class="quiet">This sign-in has changed nothing: a partner who was connected before still is.</p>`,
    correlationId,
  });
}

/** What they see where the gateway has a fault of its own. */
export const faultPage = (correlationId: string): string =>
  card({
    mood: 'bad',
    title: 'The gateway has a fault',
    body: `<p>The sign-in could not be finished. The gateway’s log has the cause under the correlation id below.</p>
<h2>What to do</h2>
<p>Tell the operator of the gateway.</p>`,
    correlationId,
  });
