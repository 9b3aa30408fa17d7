import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Response } from 'supertest';
import {
  applications,
  callerAudience,
  callerTenantId,
  foreignTenantId,
} from '../../src/emulator/identities.ts';
import {
  type CallerTokens,
  type Claims,
  createCallerTokens,
  decodePart,
  encodePart,
  rs256,
  secondsFromNow,
  type TokenChanges,
} from '../support/caller-tokens.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { as, upgradeRequest } from '../support/requests.ts';

let gateway: TestGateway;
let tokens: CallerTokens;
beforeAll(async () => {
  gateway = await startTestGateway();
  tokens = createCallerTokens(gateway.emulator);
});
afterAll(() => gateway.stop());

const customerId = '4c721420-72ad-4708-a0a7-371a2f7b0969';
const order = (token: string) => as(token, gateway).order();
const read = (token: string) => as(token, gateway).getEligibility(customerId);

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

function expectPermissionDenied(response: Response, permission: string) {
  expect(response.status).toBe(403);
  expect(response.body).toMatchObject({ status: 403, code: 'permission_denied' });
  expect(response.get('WWW-Authenticate')).toBe(`Bearer error="insufficient_scope", scope="${permission}"`);
}

function expectTokenRequired(response: Response) {
  expect(response.status).toBe(401);
  expect(response.body).toMatchObject({
    status: 401,
    code: 'authentication_required',
    detail: 'A bearer token of Entra ID is required in the Authorization header.',
  });
  // RFC 6750, section 3: a challenge has at least one parameter; section 3.1: no error code here.
  expect(response.get('WWW-Authenticate')).toBe('Bearer realm="Product Upgrade Gateway"');
}

function expectInvalidToken(response: Response, detail: string) {
  expect(response.status).toBe(401);
  expect(response.body).toMatchObject({ status: 401, code: 'authentication_required', detail });
  // RFC 6750, section 3: no quotation mark, no backslash and nothing but ASCII in a description.
  expect(detail).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  expect(response.get('WWW-Authenticate')).toBe(
    `Bearer error="invalid_token", error_description="${detail}"`,
  );
}

/** Sends bytes as they are, and reads until the gateway closes. */
async function sendRaw(...parts: (string | Buffer)[]) {
  const { hostname, port } = new URL(gateway.gateway.url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
  await once(socket, 'close');
  const answer = Buffer.concat(chunks).toString();
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]),
    body: JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)),
  };
}
const requestLines = 'GET /v1/product-upgrades HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n';

describe('callers who are let in', () => {
  describe.each([1, 2] as const)('by a token of version %i', (version) => {
    const issue = (who: Parameters<typeof gateway.emulator.entra.issueCallerToken>[0]) =>
      gateway.emulator.entra.issueCallerToken(who, { version });

    it.each([
      ['the user alice', { user: 'alice' }],
      ['the application portal', { application: 'portal' }],
    ] as const)('%s, who may order, may order and read', async (_, who) => {
      const token = await issue(who);
      expect((await order(token)).status).toBe(202);
      expect((await read(token)).status).toBe(200);
    });

    it.each([
      ['the user bob', { user: 'bob' }],
      ['the application reader', { application: 'reader' }],
    ] as const)('%s, who may read, may read and not order', async (_, who) => {
      const token = await issue(who);
      expect((await read(token)).status).toBe(200);
      expectPermissionDenied(await order(token), 'ProductUpgrade.ReadWrite');
    });

    it('the application nobody, which has no app role, may do nothing', async () => {
      const token = await issue({ application: 'nobody' });
      expectPermissionDenied(await read(token), 'ProductUpgrade.Read');
      expectPermissionDenied(await order(token), 'ProductUpgrade.ReadWrite');
    });

    it.each([
      ['application id', callerAudience],
      ['api:// address', `api://${callerAudience}`],
    ])('may name the API by its %s', async (_, aud) => {
      expect((await read(await tokens.user({ aud }, { version }))).status).toBe(200);
      expect((await read(await tokens.application({ aud }, { version }))).status).toBe(200);
    });
  });

  it('may write the scheme in any case, since it has none', async () => {
    const request = gateway.api.get(`/v1/customers/${customerId}/product-upgrade-eligibility`);
    const response = await request
      .query({ productFamily: 'Azure' })
      .set('Authorization', `bEARER ${await tokens.user()}`);
    expect(response.status).toBe(200);
  });

  it('may have other scopes and roles besides', async () => {
    const scp = 'User.Read ProductUpgrade.ReadWrite PartnerConsent.Manage';
    const roles = ['Something.Else.All', 'ProductUpgrade.ReadWrite.All'];
    expect((await order(await tokens.user({ scp }))).status).toBe(202);
    expect((await order(await tokens.application({ roles }))).status).toBe(202);
  });

  it('are applications also where the tenant has not configured the claim idtyp', async () => {
    expect((await order(await tokens.application({ idtyp: undefined }))).status).toBe(202);
  });

  it('are users also where the tenant has configured the claim idtyp for them', async () => {
    expect((await order(await tokens.user({ idtyp: 'user' }))).status).toBe(202);
  });

  it('may be a few seconds ahead of the gateway’s clock, or behind it', async () => {
    expect((await read(await tokens.user({ nbf: secondsFromNow(5) }))).status).toBe(200);
    expect((await read(await tokens.user({ exp: secondsFromNow(-5) }))).status).toBe(200);
  });
});

describe('callers who are refused', () => {
  let callsBefore: number;
  beforeEach(() => {
    callsBefore = gateway.emulator.partnerCenter.requests().length;
  });
  afterEach(() => {
    expect(gateway.emulator.partnerCenter.requests()).toHaveLength(callsBefore);
  });

  describe('for the right that they lack', () => {
    const roles = ['ProductUpgrade.ReadWrite.All'];

    it.each<[string, Claims]>([
      ['that names a scope besides its app roles', { scp: 'ProductUpgrade.ReadWrite' }],
      ['that names a scope, without the claim idtyp', { scp: 'ProductUpgrade.ReadWrite', idtyp: undefined }],
      ['whose scope is empty', { scp: '' }],
      ['whose scope is null', { scp: null }],
      [
        'whose app roles have the names of scopes',
        { roles: ['ProductUpgrade.ReadWrite', 'ProductUpgrade.Read'] },
      ],
      ['whose app role is written in another case', { roles: ['productupgrade.readwrite.all'] }],
      ['whose app roles are one string', { roles: 'ProductUpgrade.ReadWrite.All' }],
      ['whose app role is no string', { roles: [roles] }],
    ])('an application %s', async (_, claims) => {
      const token = await tokens.application(claims);
      expectPermissionDenied(await order(token), 'ProductUpgrade.ReadWrite');
      expectPermissionDenied(await read(token), 'ProductUpgrade.Read');
    });

    it.each<[string, Claims]>([
      ['with roles only', { scp: undefined, roles }],
      ['with roles only, with the claim idtyp', { scp: undefined, roles, idtyp: 'user' }],
      ['with roles beside a scope that is not enough', { scp: 'User.Read', roles }],
      [
        'whose scopes have the names of app roles',
        { scp: 'ProductUpgrade.ReadWrite.All ProductUpgrade.Read.All' },
      ],
      [
        'whose scope begins or ends like the right one',
        { scp: 'ProductUpgrade.ReadWriteX XProductUpgrade.Read' },
      ],
      ['whose scopes are a list', { scp: ['ProductUpgrade.ReadWrite'] }],
      ['who may manage consent only', { scp: 'PartnerConsent.Manage' }],
      ['who is a device', { idtyp: 'device', roles }],
    ])('a user %s', async (_, claims) => {
      const token = await tokens.user(claims);
      expectPermissionDenied(await order(token), 'ProductUpgrade.ReadWrite');
      expectPermissionDenied(await read(token), 'ProductUpgrade.Read');
    });
  });

  describe('for a token that does not hold', () => {
    const notSigned = 'The token is not a signed JWT of Entra ID.';
    const notOurs =
      'The token is not an access token of this tenant for this API, or its signature does not hold.';
    const expired = 'The token has expired.';
    const notYet = 'The token is not valid yet.';
    const otherAudience = 'The token is meant for another audience.';
    const otherIssuer = 'The token comes from another issuer.';

    // Twice, since a token that has been let in is remembered.
    async function expectRefused(token: string, detail: string) {
      expectInvalidToken(await order(token), detail);
      expectInvalidToken(await read(token), detail);
      expect(gateway.logLines().some((line) => JSON.stringify(line).includes(token))).toBe(false);
    }

    it.each<[string, string, Claims]>([
      ['another issuer', otherIssuer, { iss: `https://login.microsoftonline.com/${foreignTenantId}/v2.0` }],
      [
        'a version 1 issuer of another tenant',
        otherIssuer,
        { iss: `https://sts.windows.net/${foreignTenantId}/` },
      ],
      ['an issuer that goes on', otherIssuer, { iss: `https://sts.windows.net/${callerTenantId}/x` }],
      ['a list of issuers', otherIssuer, { iss: [`https://sts.windows.net/${callerTenantId}/`] }],
      ['no issuer', otherIssuer, { iss: undefined }],
      ['another tenant', notOurs, { tid: foreignTenantId }],
      ['no tenant', notOurs, { tid: undefined }],
      ['another audience', otherAudience, { aud: applications.portal.clientId }],
      ['the audience of Microsoft Graph', otherAudience, { aud: 'https://graph.microsoft.com' }],
      ['an audience that goes on', otherAudience, { aud: `api://${callerAudience}/x` }],
      ['our audience among others', otherAudience, { aud: [callerAudience, applications.portal.clientId] }],
      ['no audience', otherAudience, { aud: undefined }],
      ['a time that is over', expired, { exp: secondsFromNow(-60) }],
      ['a time that has not come', notYet, { nbf: secondsFromNow(60) }],
      ['an end at 0', expired, { exp: 0 }],
      ['an end before all time', expired, { exp: -1e308 }],
      ['an end after all time', notSigned, { exp: 1e308 }],
      ['an end beyond any date', notSigned, { exp: 8.64e15 }],
      ['an end that is a string', notSigned, { exp: String(secondsFromNow(3600)) }],
      ['no end', notSigned, { exp: undefined }],
      ['a beginning after all time', notYet, { nbf: 1e308 }],
      ['an ID token’s claims', notOurs, { azp: undefined, scp: undefined, nonce: 'dGhpcyBpcyBvbmU' }],
      ['no client', notOurs, { azp: undefined }],
      ['no object id', notOurs, { oid: undefined }],
      ['an object id that is no string', notOurs, { oid: 5 }],
    ])('its claims: %s → %s', async (_, detail, claims) => {
      await expectRefused(await tokens.user(claims), detail);
    });

    it.each<[string, string, Claims]>([
      ['an unknown key id', notOurs, { kid: 'unknown' }],
      ['an unknown key id before a known one', notOurs, { x5t: 'unknown' }],
      ['no key id', notSigned, { kid: undefined }],
      ['an empty key id', notSigned, { kid: '' }],
      ['a number for a key id', notSigned, { kid: 7 }],
      ['an object for a key id', notSigned, { kid: { toString: 'x' } }],
      ['a key id of 10,000 characters', notOurs, { kid: 'k'.repeat(10_000) }],
      ['the key id __proto__', notOurs, { kid: '__proto__' }],
      ['the key id constructor', notOurs, { kid: 'constructor' }],
      ['alg none, though it is signed', notSigned, { alg: 'none' }],
      ['a list for alg', notSigned, { alg: ['RS256'] }],
      ['no alg', notSigned, { alg: undefined }],
    ])('its header: %s → %s', async (_, detail, header) => {
      await expectRefused(await tokens.user({}, { header }), detail);
    });

    it('its client: none in version 1', async () =>
      expectRefused(await tokens.user({ appid: undefined }, { version: 1 }), notOurs));

    it('its client: none for an application', async () =>
      expectRefused(await tokens.application({ azp: undefined }), notOurs));

    it.each([
      ['issuer', {}],
      ['issuer and tenant', { tid: foreignTenantId }],
    ])('its %s: another tenant of the same Entra ID', async (_, claims) => {
      const iss = `${gateway.emulator.authority}/${foreignTenantId}/v2.0`;
      await expectRefused(await tokens.user({ iss, ...claims }), otherIssuer);
    });

    const noSignature = () => Buffer.alloc(0);
    it.each<[string, string, TokenChanges]>([
      ['none, with alg none', notSigned, { header: { alg: 'none' }, sign: noSignature }],
      ['none, with alg RS256', notSigned, { sign: noSignature }],
      ['zeros', notOurs, { sign: () => Buffer.alloc(256) }],
      ['a byte', notOurs, { sign: () => Buffer.alloc(1) }],
      ['another key’s under the same key id', notOurs, { sign: rs256(stranger.privateKey) }],
      [
        'that of a key which the token brings along',
        notOurs,
        {
          header: { kid: 'mine', jwk: { ...stranger.publicKey.export({ format: 'jwk' }), kid: 'mine' } },
          sign: rs256(stranger.privateKey),
        },
      ],
    ])('its signature: %s → %s', async (_, detail, changes) => {
      await expectRefused(await tokens.user({}, changes), detail);
    });

    it('its signature: HS256 with the public key as the secret', async () => {
      const publicKey = await gateway.emulator.entra.publicKey();
      const sign = (content: string) => createHmac('sha256', publicKey).update(content).digest();
      await expectRefused(await tokens.user({}, { header: { alg: 'HS256' }, sign }), notSigned);
    });

    it.each([
      ['header', 0, { more: true }],
      ['payload', 1, { scp: 'ProductUpgrade.ReadWrite' }],
    ] as const)('its signature: that of another %s', async (_, index, changes) => {
      const parts = (await gateway.emulator.entra.issueCallerToken({ user: 'bob' })).split('.');
      await expectRefused(
        parts.with(index, encodePart({ ...decodePart(parts[index]), ...changes })).join('.'),
        notOurs,
      );
    });

    it.each([
      ['a list', [{}]],
      ['a string', 'alice'],
      ['null', null],
      ['an empty object', {}],
    ])('its payload, signed by Entra ID: %s', async (_, payload) => {
      await expectRefused(await gateway.emulator.entra.sign({ toJSON: () => payload }), notSigned);
    });

    const garbage = (bytes: number) => randomBytes(bytes).toString('base64url');
    it.each<[string, (token: string) => string]>([
      ['two parts', (token) => token.split('.').slice(0, 2).join('.')],
      ['five parts, as an encrypted token has', (token) => `${token}.AA.AA`],
      ['a word', () => 'letmein'],
      ['parts that are no JSON', () => 'YQ.YQ.YQ'],
      ['15 kB of garbage', () => garbage(11_250)],
      ['15 kB of garbage in three parts', () => [garbage(3_750), garbage(3_750), garbage(3_750)].join('.')],
    ])('its form: %s', async (_, toText) => {
      await expectRefused(toText(await tokens.user()), notSigned);
    });
  });

  describe('for the way in which they send it', () => {
    const path = '/v1/product-upgrades';
    const send = (authorization?: string) => {
      const request = gateway.api.post(path).send(upgradeRequest());
      return authorization === undefined ? request : request.set('Authorization', authorization);
    };

    it('no token', async () => expectTokenRequired(await send()));
    it('an empty header', async () => expectTokenRequired(await send('')));
    it.each(['Basic YWxpY2U6YWxpY2U=', 'Digest username="alice"', 'Bearer', 'Bearer   ', 'BearerX a.b.c'])(
      'another scheme, or no token behind it: %s',
      async (authorization) => expectTokenRequired(await send(authorization)),
    );
    it('a good token behind another scheme', async () =>
      expectTokenRequired(await send(`Negotiate ${await tokens.user()}`)));
    it('a good token without a scheme', async () => expectTokenRequired(await send(await tokens.user())));

    it.each<[string, (token: string) => string]>([
      ['two tokens', (token) => `Bearer ${token} ${token}`],
      ['two tokens with a comma', (token) => `Bearer ${token}, Bearer ${token}`],
      ['a parameter behind the token', (token) => `Bearer ${token} scope="x"`],
    ])('%s', async (_, toHeader) => {
      expectInvalidToken(
        await send(toHeader(await tokens.user())),
        'The Authorization header must hold the word Bearer and one token.',
      );
    });

    it('a token in quotation marks', async () => {
      expectInvalidToken(
        await send(`Bearer "${await tokens.user()}"`),
        'The token is not a signed JWT of Entra ID.',
      );
    });

    it('a token in a JSON body', async () => {
      const access_token = await tokens.user();
      expectTokenRequired(await gateway.api.post(path).send({ ...upgradeRequest(), access_token }));
    });

    it('a token in a form', async () => {
      const access_token = await tokens.user();
      expectTokenRequired(await gateway.api.post(path).type('form').send({ access_token }));
    });

    it('a token in the query', async () => {
      const access_token = await tokens.user();
      expectTokenRequired(await gateway.api.post(path).query({ access_token }).send(upgradeRequest()));
    });

    it('a token in a cookie', async () => {
      const cookie = `access_token=${await tokens.user()}`;
      expectTokenRequired(await gateway.api.post(path).set('Cookie', cookie).send(upgradeRequest()));
    });

    it('bytes that are no text', async () => {
      const response = await sendRaw(
        requestLines,
        'Authorization: Bearer ',
        Buffer.from([0xff, 0xfe, 0x80, 0xc0, 0xaf]),
        '\r\n\r\n',
      );
      expect(response).toMatchObject({ status: 401, body: { code: 'authentication_required' } });
    });

    it('control characters', async () => {
      const response = await sendRaw(requestLines, 'Authorization: Bearer \0\x01\x7f\r\n\r\n');
      expect(response).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    });

    it.each([
      ['bad and good', 'Bearer a.b.c'],
      ['another scheme and good', 'Basic YWxpY2U6YWxpY2U='],
    ])('two headers, %s', async (_, first) => {
      const good = `Authorization: Bearer ${await tokens.user()}\r\n`;
      const other = `Authorization: ${first}\r\n`;
      for (const headers of [other + good, good + other])
        expect(await sendRaw(requestLines, headers, '\r\n')).toMatchObject({
          status: 400,
          body: { code: 'invalid_request', errors: [{ path: 'authorization' }] },
        });
    });

    it('a token of 100 kB', async () => {
      const response = await sendRaw(requestLines, `Authorization: Bearer ${'a'.repeat(100_000)}\r\n\r\n`);
      expect(response).toMatchObject({ status: 400, body: { status: 400, code: 'invalid_request' } });
    });
  });

  describe('whatever they send', () => {
    const bytesOf = (part: string | undefined) => Buffer.from(part ?? '', 'base64url');

    it('lets no token in that differs from a valid one by a character', async () => {
      const valid = await Promise.all([tokens.user(), tokens.user({}, { version: 1 }), tokens.application()]);
      const characters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/~'];
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...valid),
          fc.nat(),
          fc.constantFrom('replace', 'insert', 'remove'),
          fc.constantFrom(...characters),
          async (token, where, how, character) => {
            const position = where % token.length;
            const before = token.slice(0, position);
            const after = token.slice(how === 'insert' ? position : position + 1);
            const changed = before + (how === 'remove' ? '' : character) + after;
            const [header, payload, signature] = changed.split('.');
            // The last character of a signature carries bits that are not part of it: several spell the same token.
            fc.pre(
              !(
                token.startsWith(`${header}.${payload}.`) &&
                bytesOf(signature).equals(bytesOf(token.split('.')[2]))
              ),
            );
            expect((await read(changed)).status).toBe(401);
          },
        ),
        { numRuns: 300 },
      );
    });

    it('answers any text in the header with 401', async () => {
      const letIn = await tokens.user();
      const text = fc.string({ unit: fc.constantFrom(...' \t!"#%,.:;=?@Aa0[\\]_{|}~\u0080\u00a0\u00ff') });
      const header = fc.oneof(
        text,
        fc.string({ maxLength: 200 }).filter((value) => /^[\t\x20-\x7e]*$/.test(value)),
        text.map((value) => `Bearer ${value}`),
        fc
          .tuple(fc.json(), fc.json(), text)
          .map(
            ([head, payload, rest]) =>
              `Bearer ${[head, payload, rest].map((part) => Buffer.from(part).toString('base64url')).join('.')}`,
          ),
        fc
          .json()
          .map(
            (head) =>
              `Bearer ${[Buffer.from(head).toString('base64url'), ...letIn.split('.').slice(1)].join('.')}`,
          ),
      );
      await fc.assert(
        fc.asyncProperty(header, async (authorization) => {
          const response = await gateway.api.post('/v1/product-upgrades').set('Authorization', authorization);
          expect(response.status).toBe(401);
        }),
        { numRuns: 300 },
      );
    });

    it('answers any bytes in the header with a problem of the caller’s', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
          const { status } = await sendRaw(requestLines, 'Authorization: ', Buffer.from(bytes), '\r\n\r\n');
          expect([400, 401]).toContain(status);
        }),
        { numRuns: 200 },
      );
    });
  });
});
