import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { findChromium, startChromium, type TestBrowser } from '../support/chromium.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { findFreePort } from '../support/ports.ts';
import { as } from '../support/requests.ts';

// The same flow without a browser, which always runs, is consent.test.ts.

const executablePath = findChromium();
const screenshots = process.env['SCREENSHOT_FOLDER'] ?? join(tmpdir(), 'consent-screenshots');

if (executablePath === undefined) {
  it.skip('the consent flow in a browser, since no Chromium is installed (apt-get install chromium)', () =>
    undefined);
  console.warn('SKIPPED: the consent flow in a browser, since no Chromium is installed.');
} else {
  let started: TestGateway;
  let browser: TestBrowser;
  let admin: ReturnType<typeof as>;
  beforeAll(async () => {
    // The browser must reach the gateway by the address that Entra ID sends it back to.
    const port = String(await findFreePort());
    await mkdir(screenshots, { recursive: true });
    started = await startTestGateway({
      hasCredential: false,
      variables: { PARTNER_CENTER_TIMEOUT_MS: '10000', PORT: port, PUBLIC_URL: `http://localhost:${port}` },
    });
    browser = await startChromium(executablePath, started.emulator.authority);
    admin = as(await started.emulator.entra.issueCallerToken({ user: 'admin' }), started);
  }, 60_000);
  afterAll(async () => {
    await browser.stop();
    await started.stop();
  });

  async function signIn(user: string): Promise<{ page: Page; complaints: string[] }> {
    const { body } = await admin.post('/v1/partner-consent');
    const page = await browser.context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
    await page.goto(body.authorizationUrl);
    expect(await page.title()).toContain('Pick an account');
    await page.click(`#${user}`);
    await page.waitForURL(/\/v1\/partner-consent\/callback/);
    started.secrets.read(`the page after ${user}`, await page.content());
    return { page, complaints: complaints.filter((text) => !text.includes('favicon')) };
  }

  it('an admin agent signs in with MFA and sees that the partner is connected', async () => {
    const { page, complaints } = await signIn('ada');
    await page.screenshot({ path: join(screenshots, 'connected.png') });
    expect(await page.textContent('h1')).toBe('Connected');
    expect(await page.textContent('dl')).toContain('ada@partner.example');
    // The style comes through the content security policy: the card is not the width of the page.
    const box = await page.locator('.card').boundingBox();
    expect(box?.width).toBeLessThan(700);
    expect(complaints).toEqual([]);
    const { body } = await admin.get('/v1/partner-consent');
    expect(body).toMatchObject({ state: 'connected', hasMfa: true });
  }, 60_000);

  it.each([
    { user: 'nora', title: 'The sign-in had no second factor' },
    { user: 'eve', title: 'That account belongs to another tenant' },
    { user: 'decline', title: 'The consent was declined' },
  ])(
    '$user sees why it did not work, and what to do',
    async ({ user, title }) => {
      const { page } = await signIn(user);
      await page.screenshot({ path: join(screenshots, `refused-${user}.png`) });
      expect(await page.textContent('h1')).toBe(title);
      expect(await page.textContent('main')).toContain('What to do');
    },
    60_000,
  );

  it('looks the same in the dark', async () => {
    const { page } = await signIn('ada');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: join(screenshots, 'connected-dark.png') });
    const background = await page.locator('.card').evaluate('card => getComputedStyle(card).backgroundColor');
    expect(background).not.toBe('rgb(255, 255, 255)');
  }, 60_000);
}
