import { backendId } from '../../../model/names.ts';
import { boolOf, fieldOf, fieldsUnder, listIn, numberOf, textOf } from '../items.ts';
import { isBreakerExpression } from './expressions.ts';
import { badValue, NO_MIDDLEWARE, only, type MiddlewareReader } from './reading.ts';

/** `retry`. One attempt is none too many. */
export const readRetry: MiddlewareReader = (item, { tell }) => {
  const attempts = numberOf(item, 'retry.attempts') ?? 0;
  if (attempts < 1) return badValue(item, { field: fieldOf(item, 'retry.attempts'), expected: 'at least 1 attempt' }, tell);
  const statuses = rangesOf(listIn(item, 'retry.status'));
  if (!statuses) return badValue(item, { field: fieldOf(item, 'retry.status'), expected: 'statuses or ranges such as 500-599' }, tell);
  const ignores = boolOf(item, 'retry.disableRetryOnNetworkError') ?? false;
  if (ignores && statuses.length === 0) return badValue(item, { expected: 'statuses, or retries of failed connections' }, tell);
  const [initial, timeout] = [numberOf(item, 'retry.initialInterval') ?? 0, numberOf(item, 'retry.timeout') ?? 0];
  const maxBodyBytes = numberOf(item, 'retry.maxRequestBodyBytes');
  return only({
    kind: 'retry',
    attempts,
    ...(initial > 0 && { initialIntervalMs: initial }),
    ...(timeout > 0 && { timeoutMs: timeout }),
    ...(statuses.length > 0 && { statuses }),
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    ...(ignores && { ignoreConnectionErrors: true }),
    ...(boolOf(item, 'retry.retryNonIdempotentMethod') && { anyMethod: true }),
  });
};

/** `circuitBreaker`. */
export const readCircuitBreaker: MiddlewareReader = (item, { tell }) => {
  const expression = textOf(item, 'circuitBreaker.expression') ?? '';
  if (!isBreakerExpression(expression))
    return badValue(item, { field: fieldOf(item, 'circuitBreaker.expression'), expected: 'NetworkErrorRatio() > 0.5 or such' }, tell);
  const [check, fallback, recovery] = [
    numberOf(item, 'circuitBreaker.checkPeriod') ?? 0,
    numberOf(item, 'circuitBreaker.fallbackDuration') ?? 0,
    numberOf(item, 'circuitBreaker.recoveryDuration') ?? 0,
  ];
  const status = numberOf(item, 'circuitBreaker.responseCode');
  if (status !== undefined && (status < 100 || status > 599))
    return badValue(item, { field: fieldOf(item, 'circuitBreaker.responseCode'), expected: '100 to 599' }, tell);
  return only({
    kind: 'circuitBreaker',
    expression,
    ...(check > 0 && { checkPeriodMs: check }),
    ...(fallback > 0 && { fallbackMs: fallback }),
    ...(recovery > 0 && { recoveryMs: recovery }),
    ...(status !== undefined && { status }),
  });
};

/** `errors`. The pages of another service are not asked for: its answers are those of the route's own servers. */
export const readErrors: MiddlewareReader = (item, { tell, poolOf }) => {
  const statuses = rangesOf(listIn(item, 'errors.status'));
  if (!statuses) return badValue(item, { field: fieldOf(item, 'errors.status'), expected: 'statuses or ranges such as 500-599' }, tell);
  const service = textOf(item, 'errors.service') ?? '';
  if (service === '') return badValue(item, { expected: 'a service' }, tell);
  const rewrites = fieldsUnder(item, 'errors.statusRewrites.*').map(({ part, value }) => {
    const [range] = rangesOf([part]) ?? [];
    return range && typeof value === 'number' && value >= 100 && value <= 599 ? { ...range, status: value } : undefined;
  });
  const sound = rewrites.filter((rewrite) => rewrite !== undefined);
  if (sound.length < rewrites.length) return badValue(item, { expected: 'statuses in statusRewrites' }, tell);
  const query = textOf(item, 'errors.query') ?? '';
  if (!/^[!-~]*$/.test(query)) return badValue(item, { field: fieldOf(item, 'errors.query'), expected: 'a path without blanks' }, tell);
  const pool = poolOf(service);
  if (!pool) {
    const message = `Cannot ask service "${service}" for error pages: it is none of these labels; served without them`;
    tell('TRAEFIK_LABEL_UNSERVED', message, fieldOf(item, 'errors.service')?.label.valueSpan ?? item.span);
  }
  if (!pool || statuses.length === 0) return NO_MIDDLEWARE;
  const requestHeaders = listIn(item, 'errors.errorRequestHeaders').filter((header) => header !== '');
  return {
    middlewares: [
      {
        kind: 'errors',
        statuses,
        backend: backendId(pool.name),
        query,
        ...(sound.length > 0 && { rewrites: sound }),
        ...(requestHeaders.length > 0 && { requestHeaders }),
      },
    ],
    sidePools: [pool],
  };
};

/** Inclusive ranges of statuses; undefined where one cannot be read. */
function rangesOf(items: readonly string[]): readonly { readonly from: number; readonly to: number }[] | undefined {
  const ranges = items.map((item) => {
    const found = /^(\d{3})(?:-(\d{3}))?$/.exec(item);
    return found && { from: Number(found[1]), to: Number(found[2] ?? found[1]) };
  });
  const known = ranges.filter((range) => range !== null);
  return known.length === ranges.length ? known : undefined;
}
