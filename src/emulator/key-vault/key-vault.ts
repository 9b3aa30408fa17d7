import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { CertificateWithKey } from '../certificates.ts';
import type { Tenant } from '../entra/tenant.ts';
import { gatewayIdentity } from '../identities.ts';
import { createJournal } from '../journal.ts';
import { type Listening, listen } from '../listening.ts';
import { type VaultAnswer, vaultError, writeVaultAnswer } from './answers.ts';
import { playFault } from './fault-answers.ts';
import { createFaultQueue, type FaultQueue } from './fault-queue.ts';
import type { KeyVaultControls, KeyVaultRequest } from './key-vault-controls.ts';
import { createSecretOperations, type SecretCall } from './operations.ts';
import { createSecretBook } from './secret-book.ts';
import { checkVaultBearer } from './vault-bearer-check.ts';

export interface KeyVaultOptions {
  host: string;
  hostname: string;
  /** 0 = a free one. */
  port: number;
  certificate: CertificateWithKey;
  authority: string;
  /** Whose tokens it takes. */
  tenant: Tenant;
  /** Milliseconds since 1970. */
  now(): number;
}

/** The emulated Key Vault, listening. */
export interface KeyVault {
  url: string;
  controls: KeyVaultControls;
  listening: Listening;
}

/** Starts a vault of its own behind a TLS port; the real SDK talks to it, challenge authentication included. */
export async function startKeyVault(options: KeyVaultOptions): Promise<KeyVault> {
  const server = createServer({ cert: options.certificate.cert, key: options.certificate.key });
  const listening = await listen(server, options.port, options.host);
  const url = `https://${options.hostname}:${listening.port}`;
  const book = createSecretBook(options.now);
  const faults = createFaultQueue();
  const journal = createJournal<KeyVaultRequest>();
  let delayMs: (() => number) | undefined;
  function calm() {
    faults.clear();
    delayMs = undefined;
  }
  const app = createVaultApp(options, {
    perform: createSecretOperations(book, url),
    faults,
    async delay() {
      if (delayMs) await sleep(delayMs());
    },
    onRequest(request, response) {
      const entry = { at: options.now(), method: request.method, path: request.path, answered: undefined };
      journal.add(entry);
      response.on('finish', () => Object.assign(entry, { answered: response.statusCode }));
    },
  });
  server.on('request', app);
  return {
    url,
    listening,
    controls: {
      next: faults.add,
      slowDown(next) {
        delayMs = next;
      },
      put: (name, value, attributes = {}) => void book.put(name, value, attributes),
      update: (name, attributes, version = book.find(name)?.version ?? '') =>
        void book.update(name, version, attributes),
      remove: (name) => void book.remove(name),
      recover: (name) => void book.recover(name),
      versions: (name) => book.versions(name) ?? [],
      requests: () => journal.entries(),
      calm,
      reset() {
        book.clear();
        journal.clear();
        calm();
      },
    },
  };
}

interface VaultAppParts {
  perform(call: SecretCall): VaultAnswer;
  faults: FaultQueue;
  delay(): Promise<void>;
  onRequest(request: Request, response: Response): void;
}

function createVaultApp({ authority, tenant, now }: KeyVaultOptions, parts: VaultAppParts): Express {
  const bearer = { authority, tenant, permitted: [gatewayIdentity.objectId], now };

  const answerCall: RequestHandler = async (req, res) => {
    parts.onRequest(req, res);
    const refused = await checkVaultBearer(req.get('Authorization'), bearer);
    if (refused) return writeVaultAnswer(res, refused);
    if (!/^(7\.\d|20\d\d-\d\d-\d\d)(-preview\.\d)?$/.test(String(req.query['api-version'])))
      return writeVaultAnswer(res, vaultError(400, 'BadParameter', 'api-version must be specified'));
    const call = toCall(req);
    if (!call) return writeVaultAnswer(res, vaultError(404, 'NotFound', 'There is nothing at this address.'));
    await parts.delay();
    const fault = parts.faults.take(req.method);
    const outcome = fault ? playFault(fault, () => parts.perform(call)) : parts.perform(call);
    await parts.delay();
    if (outcome === 'connection-reset') req.socket.resetAndDestroy();
    else if (outcome !== 'no-answer') writeVaultAnswer(res, outcome);
  };

  const app = express().disable('x-powered-by').disable('etag');
  app.use(express.json({ type: () => true, limit: '100kb' }));
  app.use(answerCall);
  return app;
}

function toCall(req: Request): SecretCall | undefined {
  const [, collection = '', name, rest = ''] =
    /^\/(secrets|deletedsecrets)\/([0-9A-Za-z-]{1,127})(?:\/([0-9a-z]*))?$/.exec(req.path) ?? [];
  return name === undefined ? undefined : { method: req.method, collection, name, rest, body: req.body };
}
