import { Router } from 'express';
import { getCaller } from '../callers/authenticate.ts';
import { requirePermission } from '../callers/permissions.ts';
import { UpgradeNotFoundError } from '../errors.ts';
import { getCorrelation } from '../http/correlation.ts';
import { namesEntityTag } from '../http/entity-tag.ts';
import { jsonBody } from '../http/json-body.ts';
import { parseWait } from '../http/prefer.ts';
import { methodNotAllowed } from '../http/refusals.ts';
import { noQuery, parseRequest } from '../http/validation.ts';
import type { CheckEligibility } from './check-eligibility.ts';
import { idempotencyHeaders } from './idempotency-key.ts';
import { toListCursor } from './list-cursor.ts';
import type { OrderUpgrade } from './order-upgrade.ts';
import type { Ledger } from './ports.ts';
import { customerParams, eligibilityQuery, listQuery, orderBody, upgradeParams } from './schemas.ts';
import { toEntityTag, toStatusMonitor } from './status-monitor.ts';
import { toUpgradeRecord } from './upgrade-record.ts';
import type { WatchUpgrade } from './watch-upgrade.ts';

export interface ProductUpgradeUseCases {
  readonly orderUpgrade: OrderUpgrade;
  readonly watch: WatchUpgrade;
  readonly checkEligibility: CheckEligibility;
  /** The ledger, for those who look something up. */
  readonly records: Pick<Ledger, 'findUpgradeRecord' | 'findChanges' | 'listUpgrades'>;
}

export interface ProductUpgradeRoutesParts extends ProductUpgradeUseCases {
  readonly toStatusUrl: (upgradeId: string) => string;
  /** What a poller is told to wait between two looks at an upgrade. */
  readonly pollAfterSeconds: number;
  readonly now: () => number;
  /** Ends long polls when the gateway stops. */
  readonly stopping: AbortSignal;
}

/** `/v1/product-upgrades` */
export function productUpgradeRoutes({
  orderUpgrade,
  watch,
  records,
  toStatusUrl,
  pollAfterSeconds,
  now,
  stopping,
}: ProductUpgradeRoutesParts): Router {
  const router = Router();

  router.post(
    '/',
    requirePermission('ProductUpgrade.ReadWrite'),
    jsonBody,
    async function orderOne(req, res) {
      const { 'idempotency-key': idempotencyKey, ...request } = parseRequest(req, {
        query: noQuery,
        headers: idempotencyHeaders,
        body: orderBody,
      });
      const { upgradeId } = await orderUpgrade(request, {
        orderedBy: getCaller(res),
        correlationId: getCorrelation(res).correlationId,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      });
      const statusUrl = toStatusUrl(upgradeId);
      res
        .status(202)
        .set({
          Location: statusUrl,
          'Operation-Location': statusUrl,
          'Retry-After': String(pollAfterSeconds),
        })
        .json({ upgradeId, statusUrl });
    },
  );

  router.get('/', requirePermission('ProductUpgrade.Read'), async function listUpgrades(req, res) {
    const { limit, cursor, ...filter } = parseRequest(req, { query: listQuery });
    // One more than asked for tells whether there is another page.
    const found = await records.listUpgrades(filter, { limit: limit + 1, ...(cursor && { after: cursor }) });
    const last = found.length > limit ? found[limit - 1] : undefined;
    res.set('Cache-Control', 'no-store').json({
      items: found.slice(0, limit).map((record) => toUpgradeRecord(record, toStatusUrl)),
      ...(last && { nextCursor: toListCursor(last) }),
    });
  });
  router.all('/', methodNotAllowed('GET', 'HEAD', 'POST'));

  router.get('/:upgradeId', requirePermission('ProductUpgrade.Read'), async function getUpgrade(req, res) {
    const { upgradeId } = parseRequest(req, { path: upgradeParams, query: noQuery });
    const record = await records.findUpgradeRecord(upgradeId);
    if (!record) throw new UpgradeNotFoundError('The gateway does not know this upgrade.');
    const changes = record.orderId === undefined ? undefined : await records.findChanges(record.orderId);
    res.set('Cache-Control', 'no-store').json(toUpgradeRecord(record, toStatusUrl, changes));
  });
  router.all('/:upgradeId', methodNotAllowed('GET', 'HEAD'));

  router.get(
    '/:upgradeId/status',
    requirePermission('ProductUpgrade.Read'),
    async function getStatus(req, res) {
      const { upgradeId } = parseRequest(req, { path: upgradeParams, query: noQuery });
      const { correlationId } = getCorrelation(res);
      const waitSeconds = parseWait(req.get('Prefer'));
      let upgrade = await watch.current(upgradeId, correlationId);
      if (waitSeconds !== undefined) {
        const knownTags = req.get('If-None-Match') ?? toEntityTag(toStatusMonitor(upgrade));
        const closed = new AbortController();
        res.on('close', () => closed.abort());
        upgrade = await watch.waitForChange(upgradeId, {
          correlationId,
          hasChanged: (latest) => !namesEntityTag(knownTags, toEntityTag(toStatusMonitor(latest))),
          until: now() + waitSeconds * 1000,
          signal: AbortSignal.any([closed.signal, stopping]),
        });
        res.set('Preference-Applied', `wait=${waitSeconds}`);
      }
      const monitor = toStatusMonitor(upgrade);
      if (!monitor.isFinal) res.set('Retry-After', String(pollAfterSeconds));
      const entityTag = toEntityTag(monitor);
      res.set({ ETag: entityTag, 'Cache-Control': 'private, no-cache' });
      res.vary('Authorization, Prefer'); // beside Origin, which decides on what a browser may read
      if (namesEntityTag(req.get('If-None-Match'), entityTag)) res.status(304).end();
      else res.json(monitor);
    },
  );
  router.all('/:upgradeId/status', methodNotAllowed('GET', 'HEAD'));

  return router;
}

/** `/v1/customers` */
export function eligibilityRoutes({ checkEligibility, toStatusUrl }: ProductUpgradeRoutesParts): Router {
  const router = Router();
  const path = '/:customerId/product-upgrade-eligibility';

  router.get(path, requirePermission('ProductUpgrade.Read'), async function getEligibility(req, res) {
    const request = parseRequest(req, { path: customerParams, query: eligibilityQuery });
    const eligibility = await checkEligibility(request, getCorrelation(res));
    const statusUrl = eligibility.upgradeId && toStatusUrl(eligibility.upgradeId);
    res
      .set('Cache-Control', 'no-store')
      .json({ ...request, ...eligibility, ...(statusUrl && { statusUrl }) });
  });
  router.all(path, methodNotAllowed('GET', 'HEAD'));

  return router;
}
