import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { readProxyConfiguration } from '../support/compose-file.ts';
import { type LogLine, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { findFreePort } from '../support/ports.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { pathOf, upgradeRequest } from '../support/requests.ts';

// docker-compose.yml's nginx, as it is but for addresses, before two gateways on one PostgreSQL.

interface Proxy {
  readonly url: string;
  stop(): Promise<void>;
}

async function startProxy(gateways: readonly string[], { readTimeout = '120s' } = {}): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), 'proxy-test-'));
  const port = await findFreePort();
  const site = gateways
    .reduce(
      (text, url, index) => text.replace(`gateway-${index + 1}:8080`, new URL(url).host),
      readProxyConfiguration(),
    )
    .replace('listen 8080;', `listen 127.0.0.1:${port};`)
    .replace('proxy_read_timeout 120s', `proxy_read_timeout ${readTimeout}`);
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ');
  const file = join(folder, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
     events {} http { access_log off; ${temporary}
${site}}`,
  );
  const nginx: ChildProcess = spawn('nginx', ['-p', folder, '-c', file], { stdio: 'ignore' });
  const ended = new Promise((resolve) => nginx.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(50))
    if (
      await fetch(`${url}/health/live`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break;
  return {
    url,
    async stop() {
      nginx.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const isAnswerTo =
  (method: string) =>
  ({ msg, req }: LogLine): boolean =>
    msg === 'Request answered' &&
    typeof req === 'object' &&
    req !== null &&
    'method' in req &&
    req.method === method;

if (spawnSync('nginx', ['-v']).error) {
  it.skip('the proxy of docker-compose.yml, since no nginx is installed (apt-get install nginx-light)', () =>
    undefined);
  console.warn('SKIPPED: the proxy of docker-compose.yml, since no nginx is installed.');
} else {
  describe('the proxy of docker-compose.yml, before two gateways', () => {
    let postgres: TestPostgres;
    let first: TestGateway;
    let second: TestGateway;
    let proxy: Proxy;
    let alice: string;
    beforeAll(async () => {
      postgres = await startPostgres();
      const variables = { DATABASE_URL: await postgres.createDatabase(), TRUST_PROXY_HOPS: '1' };
      first = await startTestGateway({ variables });
      second = await startTestGateway({ variables, besides: first });
      proxy = await startProxy([first.gateway.url, second.gateway.url]);
      alice = await first.emulator.entra.issueCallerToken({ user: 'alice' });
    }, 60_000);
    afterAll(async () => {
      await proxy.stop();
      await second.stop();
      await first.stop();
      await postgres.stop();
    });

    const order = ({ through = proxy } = {}) =>
      supertest(through.url)
        .post('/v1/product-upgrades')
        .auth(alice, { type: 'bearer' })
        .send(upgradeRequest());
    /** How many requests each gateway has answered. */
    const served = (method: string) =>
      [first, second].map(({ logLines }) => logLines().filter(isAnswerTo(method)).length);
    const answered = (method: string) => served(method).reduce((sum, count) => sum + count, 0);
    async function untilAnswered(method: string, count: number) {
      for (const deadline = Date.now() + 10_000; answered(method) < count && Date.now() < deadline; )
        await sleep(20);
      await sleep(200); // for one too many
      return answered(method);
    }

    it('an upgrade is ordered through one gateway and followed through both', async () => {
      const { status, body } = await order();
      expect(status).toBe(202);
      for (let request = 0; request < 4; request += 1) {
        const answer = await supertest(proxy.url).get(pathOf(body.statusUrl)).auth(alice, { type: 'bearer' });
        expect(answer.status).toBe(200);
        expect(answer.body.upgradeId).toBe(body.upgradeId);
      }
      for (const count of served('GET')) expect(count).toBeGreaterThan(0);
    });

    it('long polls last: the answer comes when something changes', async () => {
      const { body } = await order();
      const answer = await supertest(proxy.url)
        .get(pathOf(body.statusUrl))
        .auth(alice, { type: 'bearer' })
        .set('Prefer', 'wait=10');
      expect(answer.status).toBe(200);
      expect(answer.headers['preference-applied']).toBe('wait=10');
    });

    it('an order that gets no answer in time is not sent to the other gateway', async () => {
      const impatient = await startProxy([first.gateway.url, second.gateway.url], { readTimeout: '1s' });
      first.emulator.partnerCenter.next('slow', { delayMs: 1_500, operation: 'create' });
      const before = answered('POST');
      try {
        expect((await order({ through: impatient })).status).toBe(504);
      } finally {
        await impatient.stop();
      }
      await expect(untilAnswered('POST', before + 1)).resolves.toBe(before + 1);
    });

    it('with one gateway gone every request is served by the other', async () => {
      await second.gateway.stop();
      for (let request = 0; request < 6; request += 1) expect((await order()).status).toBe(202);
    });
  });
}
