import { expect, it } from '@jest/globals';
import supertest from 'supertest';
import { createOperationsApp } from '../../../src/http/operations.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

it('a fault is logged, and shows nothing of itself', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const app = createOperationsApp({
    contentType: 'text/plain',
    toText: () => Promise.reject(new Error('internal words')),
    publicUrl: 'https://upgrades.example.test',
    log,
  });
  const response = await supertest(app).get('/metrics');
  expect([response.status, response.body.code]).toEqual([500, 'internal_error']);
  expect(response.text).not.toContain('internal words');
  expect(lines.join()).toContain('internal words');
});

it('counts from 0, by known labels, and leaves out what is not known', async () => {
  const metrics = createMetrics();
  const count = metrics.counter('upgrade_gateway_things_total', 'Things.', 'outcome', ['good', 'bad']);
  let reading: number | undefined;
  metrics.gauge('upgrade_gateway_thing', 'A thing.', () => reading);
  metrics.gauge('upgrade_gateway_state', 'A state.', () => ({ on: 1, off: 0 }), 'state');
  expect(await metrics.toText()).not.toMatch(/^upgrade_gateway_thing /m);
  count('good');
  reading = 7;
  const text = await metrics.toText();
  expect(text).toMatch(/^upgrade_gateway_things_total\{outcome="good"\} 1$/m);
  expect(text).toMatch(/^upgrade_gateway_things_total\{outcome="bad"\} 0$/m);
  expect(text).toMatch(/^upgrade_gateway_thing 7$/m);
  expect(text).toMatch(/^upgrade_gateway_state\{state="on"\} 1$/m);
  reading = undefined;
  expect(await metrics.toText()).not.toMatch(/^upgrade_gateway_thing /m);
});
