// An .mts file: a worker is loaded by Node itself, which without a "type" in package.json has to guess at a .ts file.
import { parentPort, workerData } from 'node:worker_threads';
import { createCA, createCert } from 'mkcert';
import type { CertificateRequest } from './certificates.ts';

// The requests come from certificates.ts only, which sends this type.
const request = workerData as CertificateRequest;
parentPort?.postMessage(
  'authority' in request ? await createCA(request.authority) : await createCert(request.server),
);
