import type { Reference, RouteIntent } from '../../../model/intent.ts';
import type { Condition } from '../../../model/match.ts';
import { protects, type AddressSource, type Middleware, type MiddlewareOf } from '../../../model/middleware.ts';
import type { Redirect } from '../../../model/route.ts';
import { approximated, impossible, nearly, said, unsaid, without, type Loss, type Said } from '../../loss.ts';

/** The middlewares and the action of an intent, in the words of Fabio's options. */
export type Handling = Pick<RouteIntent, 'middlewares' | 'action'>;

type Step = Middleware | Reference;

/**
 * What Fabio can do with the requests of an intent: one list of addresses, one password, a redirect, one prefix off and one on, in
 * this order. A step that protects, or that changes the path in another way, costs the route; any other is left out.
 */
export function sayHandling(intent: RouteIntent): Said<Handling> {
  const isTcp = intent.entryPoints.kind === 'tcp';
  const steps = [...intent.match.conditions.map(asStep), ...intent.middlewares.map((step) => sayStep(step, isTcp))];
  const kept = steps.flatMap(({ value }) => value);
  const losses = [...steps.flatMap((step) => step.losses), ...crowded(kept), ...disordered(kept)];
  const redirect = kept.find(isRedirect);
  const action = redirect ? redirected(redirect) : sayAction(intent.action);
  const middlewares = kept.filter((step) => step !== redirect).toSorted((a, b) => placeOf(a) - placeOf(b));
  return { value: { middlewares, action: action.value }, losses: [...losses, ...action.losses] };
}

const ORDER: readonly Step['kind'][] = ['ipAllow', 'ipDeny', 'reference', 'stripPrefix', 'addPrefix'];

function placeOf({ kind }: Step): number {
  return ORDER.indexOf(kind);
}

/** More than one of what a tag can say once. */
function crowded(steps: readonly Step[]): readonly Loss[] {
  const lists = steps.filter(({ kind }) => kind === 'ipAllow' || kind === 'ipDeny');
  const many: readonly (readonly [readonly Step[], string])[] = [
    [lists, 'two lists of addresses for one route'],
    [steps.filter(({ kind }) => kind === 'reference'), 'two policies for one route'],
    [steps.filter(({ kind }) => kind === 'stripPrefix'), 'two prefixes cut off one after the other'],
    [steps.filter(({ kind }) => kind === 'addPrefix'), 'two prefixes put on one after the other'],
  ];
  return many.flatMap(([found, what]) => (found.length > 1 ? [impossible(what)] : []));
}

function disordered(steps: readonly Step[]): readonly Loss[] {
  const kinds = steps.map(({ kind }) => kind);
  const [strip, add] = [kinds.indexOf('stripPrefix'), kinds.indexOf('addPrefix')];
  return strip >= 0 && add >= 0 && add < strip ? [impossible('a prefix put on before another is cut off')] : [];
}

/** A condition on the client's address as a list of addresses. */
function asStep(condition: Condition): Said<readonly Step[]> {
  const inner = condition.kind === 'not' ? condition.condition : condition;
  if (inner.kind !== 'clientIp') return unsaid([], `a condition on ${nameOf(condition)}`);
  const [kind, refused] = condition.kind === 'not' ? (['ipDeny', 'these'] as const) : (['ipAllow', 'other'] as const);
  return nearly(
    [{ kind, cidrs: inner.cidrs.map(withBits), of: { kind: 'everyHop' } }],
    `${refused} addresses get 403 instead of another route`,
  );
}

function nameOf(condition: Condition): string {
  if (condition.kind === 'not') return `the absence of ${nameOf(condition.condition)}`;
  return 'name' in condition
    ? `${condition.kind} ${condition.name}`
    : 'key' in condition
      ? `${condition.kind} ${condition.key}`
      : condition.kind;
}

function sayStep(step: Step, isTcp: boolean): Said<readonly Step[]> {
  switch (step.kind) {
    case 'reference':
      return sayReference(step);
    case 'ipAllow':
    case 'ipDeny':
      return sayAddresses(step, isTcp);
    case 'stripPrefix':
      return step.prefixes.length === 1 ? said([step]) : unsaid([], 'several prefixes of which one is cut off');
    case 'addPrefix':
    case 'redirectScheme':
      return said([step]);
    case 'redirectRegexp':
      return /^\^?(?:\(\.\*\)|\.\*)\$?$/.test(step.regexp) && !step.replacement.includes('$')
        ? said([step])
        : unsaid([], `a redirect by the expression "${step.regexp}"`);
    case 'stripPrefixRegexp':
    case 'replacePath':
    case 'replacePathRegexp':
      return unsaid([], `${step.kind}, which changes the path`);
    default:
      return protects(step)
        ? unsaid([], `${step.kind}, which protects the route`)
        : without([], `${step.kind}; the route is written without it`);
  }
}

/** A policy of the operator is `auth`; Fabio looks the name up among its own schemes. */
function sayReference(reference: Reference): Said<readonly Step[]> {
  if (reference.to !== 'policy') return unsaid([], `${reference.to} "${reference.name}", which another tag defines`);
  if (reference.code === 'FABIO_AUTH_UNKNOWN') return said([reference]);
  return nearly([reference], `\`auth=${reference.name}\` needs a scheme of that name in Fabio's proxy.auth`);
}

function sayAddresses(step: MiddlewareOf<'ipAllow'> | MiddlewareOf<'ipDeny'>, isTcp: boolean): Said<readonly Step[]> {
  const of: AddressSource = { kind: isTcp ? 'peer' : 'everyHop' };
  const { kind, cidrs } = step;
  const differs = step.of.kind !== of.kind ? 'the peer and every address in X-Forwarded-For are looked at' : undefined;
  const status = step.kind === 'ipAllow' && step.status !== undefined && step.status !== 403 ? `403 instead of ${step.status}` : undefined;
  const losses = [differs, status].flatMap((what) => (what === undefined ? [] : [approximated(what)]));
  return { value: [{ kind, cidrs: cidrs.map(withBits), of }], losses };
}

/** A single address as the block that it is. */
function withBits(cidr: string): string {
  return cidr.includes('/') ? cidr : `${cidr}/${cidr.includes(':') ? 128 : 32}`;
}

function isRedirect(step: Step): step is MiddlewareOf<'redirectScheme'> | MiddlewareOf<'redirectRegexp'> {
  return step.kind === 'redirectScheme' || step.kind === 'redirectRegexp';
}

function redirected(step: MiddlewareOf<'redirectScheme'> | MiddlewareOf<'redirectRegexp'>): Said<RouteIntent['action']> {
  const status = step.permanent ? 301 : 302;
  const differs = `methods other than GET get ${status} too`;
  if (step.kind === 'redirectRegexp')
    return nearly({ kind: 'redirect', redirect: { status, to: [{ kind: 'text', text: step.replacement }] } }, differs);
  const { scheme, port } = step;
  const action: RouteIntent['action'] = {
    kind: 'redirect',
    redirect: { status, to: [{ kind: 'text', text: `${scheme}://` }, { kind: 'host' }, { kind: 'path' }] },
  };
  const usual = port === undefined || port === (scheme === 'https' ? 443 : 80);
  return usual ? nearly(action, differs) : unsaid(action, `a redirect to port ${port} of the request's host`);
}

function sayAction(action: RouteIntent['action']): Said<RouteIntent['action']> {
  if (action.kind !== 'redirect') return said(action);
  const { status, otherStatus, to } = action.redirect;
  const plain: Redirect = { status, to: to.map((part) => (part.kind === 'hostname' ? { kind: 'host' } : part)) };
  const losses = [
    ...(otherStatus !== undefined && otherStatus !== status ? [approximated(`methods other than GET get ${status} too`)] : []),
    ...(to.some(({ kind }) => kind === 'hostname') ? [approximated('the port of the Host header is carried too')] : []),
  ];
  return { value: { kind: 'redirect', redirect: plain }, losses };
}
