import { readFileSync } from 'node:fs';
import { load as parseYaml, YAML11_SCHEMA } from 'js-yaml';
import { z } from 'zod';

const condition = z.strictObject({
  condition: z.enum(['service_healthy', 'service_completed_successfully']),
});

/** What docker-compose.yml may say, as far as it says it: an unknown key is a typing error. */
const serviceSchema = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.literal('.'), target: z.string() }).optional(),
  restart: z.enum(['unless-stopped', 'on-failure']).optional(),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string()).optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  stop_grace_period: z.string().optional(),
  volumes: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  depends_on: z.record(z.string(), condition).optional(),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()).optional(),
      interval: z.string().optional(),
      timeout: z.string().optional(),
      retries: z.number().optional(),
      start_period: z.string().optional(),
      disable: z.boolean().optional(),
    })
    .optional(),
  ports: z.array(z.string()).optional(),
  configs: z.array(z.strictObject({ source: z.string(), target: z.string() })).optional(),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
});

const composeSchema = z.strictObject({
  name: z.string(),
  'x-gateway': serviceSchema,
  services: z.record(z.string(), serviceSchema),
  configs: z.record(z.string(), z.strictObject({ content: z.string() })),
  volumes: z.record(z.string(), z.null()),
});

export type ComposeFile = z.infer<typeof composeSchema>;

export const readComposeFile = (): ComposeFile =>
  // Compose merges `<<`, which is of YAML 1.1.
  composeSchema.parse(parseYaml(readFileSync('docker-compose.yml', 'utf8'), { schema: YAML11_SCHEMA }));

/** The configuration of the compose file's proxy, as nginx gets it. */
export function readProxyConfiguration(): string {
  const proxy = readComposeFile().configs['proxy'];
  if (!proxy) throw new Error('docker-compose.yml has no configuration of the proxy.');
  return proxy.content.replaceAll('$$', '$');
}
