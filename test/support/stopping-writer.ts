import { writeSync } from 'node:fs';
import { CredentialStoreError } from '../../src/partner-credential/credential-store-error.ts';
import { createFileCredentialStore } from '../../src/partner-credential/file-credential-store.ts';
import { credential, owner } from './credential-stores.ts';

// A process that saves a credential to a file and stops while it holds the lock, until somebody continues it.

const [path = '', key = '', second = ''] = process.argv.slice(2);
const { issuedAt, ...rest } = credential(Number(second));
let hasStopped = false;
const next = {
  ...rest,
  /** The store looks at it for the first time once it has read what is stored. */
  get issuedAt() {
    if (!hasStopped) {
      hasStopped = true;
      writeSync(1, 'stopping\n');
      process.kill(process.pid, 'SIGSTOP');
    }
    return issuedAt;
  },
};
const store = createFileCredentialStore({ path, key: Buffer.from(key, 'base64'), ...owner });
const outcome = await store.save(next).catch((error: unknown) => error);
console.log(`saved: ${outcome instanceof CredentialStoreError ? outcome.fault : String(outcome)}`);
