import type { ClientCriterion } from '../../../model/middleware.ts';
import { boolOf, fieldOf, hasPart, numberOf, textOf, type Item } from '../items.ts';
import type { Tell } from '../tell.ts';
import { readStrategy } from './addresses.ts';
import { isRetryExpression } from './expressions.ts';
import { badValue, NO_MIDDLEWARE, only, type MiddlewareItem, type MiddlewareReader, type MiddlewareReading } from './reading.ts';

/** `rateLimit`. An average of 0 limits nothing, in Traefik too. */
export const readRateLimit: MiddlewareReader = (item, { tell }) => {
  const average = numberOf(item, 'rateLimit.average') ?? 0;
  const periodMs = numberOf(item, 'rateLimit.period') ?? 1000;
  if (periodMs < 0)
    return badValue(item, { field: fieldOf(item, 'rateLimit.period'), expected: 'no negative duration', guard: true }, tell);
  const by = criterionOf(item, 'rateLimit', tell);
  if ('fault' in by) return by.fault;
  if (average <= 0) {
    tell(
      'TRAEFIK_LABEL_INERT',
      `An average of ${average} limits nothing`,
      fieldOf(item, 'rateLimit.average')?.label.valueSpan ?? item.span,
    );
    return NO_MIDDLEWARE;
  }
  const burst = Math.max(1, numberOf(item, 'rateLimit.burst') ?? 1);
  return only({ kind: 'rateLimit', average, periodMs: periodMs === 0 ? 1000 : periodMs, burst, by: by.criterion ?? PEER });
};

/** `inFlightReq`. Hosts are told apart where nothing else is said. */
export const readInFlightReq: MiddlewareReader = (item, { tell }) => {
  const amount = numberOf(item, 'inFlightReq.amount') ?? 0;
  if (amount < 1) return badValue(item, { field: fieldOf(item, 'inFlightReq.amount'), expected: 'at least 1', guard: true }, tell);
  const by = criterionOf(item, 'inFlightReq', tell);
  return 'fault' in by ? by.fault : only({ kind: 'inFlight', amount, by: by.criterion ?? { kind: 'host' } });
};

/** `inFlightConn` of TCP. */
export function readInFlightConn(item: Item<'tcp.middlewares'>, tell: Tell): MiddlewareReading {
  const amount = numberOf(item, 'inFlightConn.amount') ?? 0;
  if (amount < 1) return badValue(item, { field: fieldOf(item, 'inFlightConn.amount'), expected: 'at least 1', guard: true }, tell);
  return only({ kind: 'inFlight', amount, by: PEER });
}

/** `buffering`. Its limit of requests is a middleware of its own, because it protects. */
export const readBuffering: MiddlewareReader = (item, { tell }) => {
  const [maxRequest, memRequest, maxResponse, memResponse] = [
    sizeOf(item, 'buffering.maxRequestBodyBytes'),
    sizeOf(item, 'buffering.memRequestBodyBytes'),
    sizeOf(item, 'buffering.maxResponseBodyBytes'),
    sizeOf(item, 'buffering.memResponseBodyBytes'),
  ];
  const expression = textOf(item, 'buffering.retryExpression') ?? '';
  if (expression !== '' && !isRetryExpression(expression))
    return badValue(
      item,
      { field: fieldOf(item, 'buffering.retryExpression'), expected: 'IsNetworkError() && Attempts() < 2 or such' },
      tell,
    );
  const rest = {
    ...(memRequest !== undefined && { memRequestBytes: memRequest }),
    ...(maxResponse !== undefined && { maxResponseBytes: maxResponse }),
    ...(memResponse !== undefined && { memResponseBytes: memResponse }),
    ...(expression !== '' && { retryExpression: expression }),
  };
  const limit = maxRequest === undefined ? [] : [{ kind: 'maxBody', bytes: maxRequest } as const];
  return {
    middlewares: [...limit, ...(limit.length === 0 || Object.keys(rest).length > 0 ? [{ kind: 'buffering', ...rest } as const] : [])],
  };
};

/** A size that means something: 0 and less are no limit. */
function sizeOf(item: MiddlewareItem, key: `buffering.${'max' | 'mem'}${'Request' | 'Response'}BodyBytes`): number | undefined {
  const bytes = numberOf(item, key) ?? 0;
  return bytes > 0 ? bytes : undefined;
}

const PEER: ClientCriterion = { kind: 'address', of: { kind: 'peer' } };

/** What tells clients apart (traefik/traefik:pkg/middlewares/extractor.go): one thing at most. */
function criterionOf(
  item: MiddlewareItem,
  type: 'rateLimit' | 'inFlightReq',
  tell: Tell,
): { readonly criterion?: ClientCriterion } | { readonly fault: MiddlewareReading } {
  const byAddress = hasPart(item, `${type}.sourceCriterion.ipStrategy`);
  const header = textOf(item, `${type}.sourceCriterion.requestHeaderName`) ?? '';
  const byHost = boolOf(item, `${type}.sourceCriterion.requestHost`) ?? false;
  if ([byAddress, header !== '', byHost].filter(Boolean).length > 1)
    return { fault: badValue(item, { expected: 'one of ipStrategy, requestHeaderName and requestHost', guard: true }, tell) };
  if (header !== '') return { criterion: { kind: 'header', name: header } };
  if (byHost) return { criterion: { kind: 'host' } };
  if (!byAddress) return {};
  const strategy = readStrategy(item, `${type}.sourceCriterion.ipStrategy`, tell);
  return 'fault' in strategy ? strategy : { criterion: { kind: 'address', ...strategy } };
}
