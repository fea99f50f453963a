import { readTags } from '../../src/dialects/read-tags.ts';
import { createTraefikDialect, type TraefikSettings } from '../../src/dialects/traefik/dialect.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import type { Diagnosed } from '../../src/model/diagnostic.ts';
import type { RouteIntent, TagReading } from '../../src/model/intent.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { instanceOf } from './intents.ts';

/** What a configuration without any setting gives, with the suffix `test`. */
export const TRAEFIK_SETTINGS: TraefikSettings = {
  prefix: 'traefik',
  exposedByDefault: false,
  defaultRule: '{name}.{suffix}',
  domainSuffix: 'test',
};

/** What the labels of an enabled instance of `web` ask for. A label is written without `traefik.`. */
export function readLabels(...labels: readonly string[]): Diagnosed<TagReading> {
  return readInstance({ tags: ['traefik.enable=true', ...labels.map((label) => `traefik.${label}`)] });
}

/** What an instance of `web` with these tags asks for. */
export function readInstance(overrides: Partial<ServiceInstance>, settings: Partial<TraefikSettings> = {}): Diagnosed<TagReading> {
  return readTags(instanceOf('web', overrides), [createTraefikDialect({ ...TRAEFIK_SETTINGS, ...settings })]);
}

/** The only intent of a router `r` for `a.io` with these labels beside its rule. */
export function routerOf(...labels: readonly string[]): RouteIntent {
  const { intents } = readLabels('http.routers.r.rule=Host(`a.io`)', ...labels).value;
  const [intent] = intents;
  if (!intent || intents.length > 1) throw new RangeError(`Cannot test ${intents.length} intents, expected one`);
  return intent;
}

/** What one middleware, declared by these labels behind its name, comes to in a router that uses it. */
export function middlewareOf(...fields: readonly string[]): RouteIntent & { readonly own: readonly Middleware[] } {
  const intent = routerOf('http.routers.r.middlewares=m', ...fields.map((field) => `http.middlewares.m.${field}`));
  return { ...intent, own: intent.middlewares.flatMap((middleware) => (middleware.kind === 'reference' ? [] : [middleware])) };
}

/** Each report as its code and the text at its place. */
export function placesOf({ diagnostics }: Diagnosed<unknown>): readonly (readonly [string, string])[] {
  return diagnostics.map(({ code, span }) => [code, span ? span.tag.slice(span.start, span.end) : '']);
}
