import type { Redirect } from '../../model/route.ts';
import type { Option } from './lex.ts';
import { noteAt, refuse, type Note, type Read } from './note.ts';
import { parseRedirect } from './redirect.ts';

/** What an instance speaks, in a tag's words. */
export type FabioProtocol = 'http' | 'https' | 'grpc' | 'grpcs' | 'tcp';

/** Where requests go, how often, and what is left for the other options. */
export interface Destination {
  readonly protocol: FabioProtocol;
  readonly redirect?: Redirect;
  /** A fixed share (> 0). */
  readonly share?: number;
  /** Every option but the effective `proto`, `weight` and `redirect`; the last of each key. A backslash is doubled, as Fabio does. */
  readonly others: ReadonlyMap<string, Option>;
}

/**
 * Reads the options that Fabio interprets while it writes a route's command, one after another (fabiolb/fabio:registry/consul/routecmd.go
 * build): `proto` and `redirect` both set the target, so the later one holds; `weight` is the last one; the others go on by key.
 */
export function readDestination(options: readonly Option[]): Read<Destination> {
  let protocol: FabioProtocol = 'http';
  let target: Option | undefined;
  let weight: Option | undefined;
  let redirect: Option | undefined;
  const notes: Note[] = [];
  const others = new Map<string, Option>();
  for (const option of options) {
    const spoken = option.key === 'proto' ? protocolOf(option.value) : undefined;
    const held = spoken ? target : option.key === 'weight' ? weight : option.key === 'redirect' ? redirect : others.get(option.key);
    if (held && held.key === option.key && !isAside(option)) notes.push(repeated(held));
    if (spoken) [protocol, target] = [spoken, option];
    else if (option.key === 'weight' && !option.bare) weight = option;
    else if (option.key === 'redirect') [redirect, target] = [option, option];
    else others.set(option.key, doubled(option));
  }
  const status = readRedirect(redirect, target);
  const share = readWeight(weight);
  const value: Destination = {
    protocol: redirect === target && redirect ? 'http' : protocol,
    others,
    ...(status.value && { redirect: status.value }),
    ...(share.value !== undefined && { share: share.value }),
  };
  return { value, notes: [...notes, ...status.notes, ...share.notes] };
}

function protocolOf(value: string): FabioProtocol | undefined {
  return value === 'https' || value === 'grpc' || value === 'grpcs' || value === 'tcp' ? value : undefined;
}

/** A `proto` or `weight` without effect, which replaces none. */
function isAside({ key, value, bare }: Option): boolean {
  return (key === 'proto' && !protocolOf(value)) || (key === 'weight' && bare);
}

function doubled(option: Option): Option {
  return option.value.includes('\\') ? { ...option, value: option.value.replaceAll('\\', '\\\\') } : option;
}

function repeated(option: Option): Note {
  return noteAt(option, 'FABIO_OPTION_DUPLICATE', `\`${option.key}\` is given again later; the last one counts`);
}

function readRedirect(option: Option | undefined, target: Option | undefined): Read<Redirect | undefined> {
  if (!option) return { value: undefined, notes: [] };
  const [code = '', url = '', ...rest] = option.value.split(',');
  if (rest.length > 0 || url === '') {
    const message = `Cannot read the redirect "${option.value}": expected CODE,URL without further commas`;
    return { value: undefined, notes: [refuse(option, 'FABIO_REDIRECT_FORM', message)] };
  }
  const redirect = parseRedirect(code, url);
  if ('code' in redirect) return { value: undefined, notes: [refuse(option, redirect.code, redirect.message)] };
  if (target === option || !target) return { value: redirect, notes: [] };
  return {
    value: redirect,
    notes: [refuse(target, 'FABIO_REDIRECT_PROTO', '`proto` behind `redirect`: Fabio would redirect to the instance')],
  };
}

/** As Go's ParseFloat; what stands for no fixed weight in Fabio is none. */
function readWeight(option: Option | undefined): Read<number | undefined> {
  if (!option || option.value === '') return { value: undefined, notes: [] };
  const weight = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(option.value) ? Number(option.value) : Number.NaN;
  if (Number.isFinite(weight)) return { value: weight > 0 ? weight : undefined, notes: [] };
  const message = `Cannot use the weight "${option.value}": expected a number such as 0.2; Fabio would stop updating`;
  return { value: undefined, notes: [refuse(option, 'FABIO_WEIGHT_NOT_NUMBER', message)] };
}
