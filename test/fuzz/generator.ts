import type { ServiceInstance } from '../../src/model/catalog.ts';
import { ownerId, serviceName, type OwnerId } from '../../src/model/names.ts';
import { createRandom, type Random } from '../differential/random.ts';
import { BYSTANDER_SUFFIX } from '../support/bystanders.ts';
import { instanceOf, port } from '../support/intents.ts';
import { ATTACKS } from './attacks.ts';
import { FABIO_OPTIONS, LABEL_KEYS, RULE_CALLS, SEEDS } from './seeds.ts';

/** The owner of the victim, and of those strangers that only the names of services keep apart from it. */
export const VICTIM_OWNER: OwnerId = ownerId('victim');

/**
 * The stranger with this number: an instance whose tags are made to do harm. `hostile` is of another owner and may name the hosts of the
 * victim; `careless` is of the same, and names others.
 */
export function strangerAt(seed: string, number: number): ServiceInstance {
  const random = createRandom(seed, number);
  const isCareless = random.chance(0.15);
  const tags = tagsOf(random, { number, hosts: hostsOf(number, isCareless) });
  const name = random.chance(0.05) ? textOf(random) : `stranger-${number}`;
  return instanceOf(name, {
    service: serviceName(name === '' ? 'x' : name),
    instance: `${name}-1`,
    owner: isCareless ? VICTIM_OWNER : ownerId('stranger'),
    address: random.chance(0.03) ? textOf(random) : `127.9.${(number >> 8) & 255}.${number & 255}`,
    port: port(9000 + (number % 1000)),
    tags: isCareless ? tags.map((tag) => tag.replaceAll('bystander', 'other')) : tags,
    modifyIndex: 100 + number,
  });
}

interface Surroundings {
  readonly number: number;
  readonly hosts: readonly string[];
}

function hostsOf(number: number, isCareless: boolean): readonly string[] {
  const own = [`h${number}.test`, `h${number}.test`, `*.h${number}.test`, `a.h${number}.test`, `shared${number % 50}.test`, ''];
  if (isCareless) return own;
  const victims = ['good0', 'good2', 'good4', 'good7'].map((name) => `${name}${BYSTANDER_SUFFIX}`);
  const wide = [
    '*',
    `*${BYSTANDER_SUFFIX}`,
    `good?${BYSTANDER_SUFFIX}`,
    `{good0,x${number}}${BYSTANDER_SUFFIX}`,
    `*.test`,
    `good0${BYSTANDER_SUFFIX}:80`,
  ];
  return [...own, ...own, ...victims, ...wide, `GOOD0${BYSTANDER_SUFFIX.toUpperCase()}`, `good0${BYSTANDER_SUFFIX}.`];
}

function tagsOf(random: Random, surroundings: Surroundings): readonly string[] {
  const way = random.below(100);
  if (way < 20) return [...mutated(random, random.pick(SEEDS), surroundings)];
  if (way < 35) return mutated(random, [...random.some(random.pick(SEEDS), 1, 4), ...random.some(random.pick(SEEDS), 1, 4)], surroundings);
  if (way < 55) return Array.from({ length: 1 + random.below(3) }, () => fabioTag(random, surroundings));
  if (way < 65) return Array.from({ length: 1 + random.below(3) }, () => hindTag(random, surroundings));
  if (way < 95) return labels(random, surroundings);
  return Array.from({ length: 1 + random.below(3) }, () => `${random.pick(['urlprefix-', 'https://', 'traefik.', ''])}${noise(random)}`);
}

/** A list with a few places changed, and hosts of its own. */
function mutated(random: Random, tags: readonly string[], { number, hosts }: Surroundings): readonly string[] {
  const renamed = tags.map((tag) =>
    tag.replace(/[a-z0-9-]+\.(?:test|com|io|org|win|house)\b/g, (host) =>
      random.chance(0.5) ? `h${number}.test` : random.chance(0.3) ? random.pick(hosts) : host,
    ),
  );
  const times = 1 + random.below(3);
  const list = [...renamed];
  for (let time = 0; time < times; time += 1) {
    const index = random.below(list.length);
    list[index] = changed(random, list[index] ?? '');
  }
  return random.chance(0.1) ? [...list, ...list] : list;
}

function changed(random: Random, tag: string): string {
  const at = random.below(tag.length + 1);
  const to = Math.min(tag.length, at + 1 + random.below(6));
  switch (random.below(6)) {
    case 0:
      return tag.slice(0, at) + tag.slice(to);
    case 1:
      return tag.slice(0, at) + tag.slice(at, to).repeat(2 + random.below(3)) + tag.slice(to);
    case 2:
      return tag.slice(0, at) + random.pick(ATTACKS) + tag.slice(to);
    case 3:
      return tag.slice(0, at) + String.fromCharCode(random.below(128)) + tag.slice(at + 1);
    default:
      return tag.slice(0, at) + random.pick(ATTACKS) + tag.slice(at);
  }
}

/** A text that may be anything: mostly an attack, alone or within a harmless word. */
function textOf(random: Random): string {
  const attack = random.pick(ATTACKS);
  switch (random.below(5)) {
    case 0:
      return attack;
    case 1:
      return `a${attack}`;
    case 2:
      return `${attack}b`;
    case 3:
      return `a${attack}b${random.pick(ATTACKS)}`;
    default:
      return `/${attack}`;
  }
}

function noise(random: Random): string {
  return Array.from({ length: 1 + random.below(40) }, () =>
    String.fromCharCode(random.chance(0.9) ? 32 + random.below(95) : random.below(0x3000)),
  ).join('');
}

/** Mostly what is expected, else an attack. */
function valueOf(random: Random, expected: string): string {
  return random.chance(0.5) ? expected : random.chance(0.7) ? textOf(random) : `${expected}${textOf(random)}`;
}

function pathOf(random: Random): string {
  return random.chance(0.5) ? random.pick(['/', '/a', '/a/b', '', '/x*', '/v1/']) : `/${textOf(random)}`;
}

function fabioTag(random: Random, { hosts }: Surroundings): string {
  const host = random.chance(0.8) ? random.pick(hosts) : valueOf(random, 'x.test');
  const number = random.pick(['', '', ':80', ':443', ':8080', ':3306']);
  const options = random
    .some(FABIO_OPTIONS, 0, 3)
    .map(([key, value]) => `${random.chance(0.05) ? textOf(random) : key}=${valueOf(random, value)}`);
  return [`urlprefix-${host}${number}${pathOf(random)}`, ...options].join(random.chance(0.97) ? ' ' : random.pick(ATTACKS));
}

function hindTag(random: Random, { hosts }: Surroundings): string {
  const host = random.chance(0.7) ? random.pick(hosts) : textOf(random);
  const tag = `https://${host}${random.pick(['', '', ':443', ':8443', `:${textOf(random)}`])}${pathOf(random)}`;
  return random.chance(0.8) ? tag : `${tag}${random.pick([' ', ', ', '\n', '{'])}https://${random.pick(hosts)}`;
}

/** A router, mostly with a good rule, and other labels with the names of the victim's own. */
function labels(random: Random, { number, hosts }: Surroundings): readonly string[] {
  const names = ['strip', 'look', 'good0', 'r', `r${number}`, random.chance(0.1) ? textOf(random) : 'm'];
  const router = `traefik.http.routers.${random.pick(names)}`;
  const priority = random.pick(['1', '1000', '9223372036854775807', textOf(random)]);
  const keyed = random.some(LABEL_KEYS, 0, 5).map((key) => {
    const named = key.replace('NAME', random.pick(names)).replace('[n]', '[0]').replace('*', valueOf(random, 'X-A'));
    return `traefik.${named}=${valueOf(random, random.pick(['true', '/a', 'x.test', '10', '10s', 'strip', 'X-A', '10.0.0.0/8', '500-599']))}`;
  });
  return [
    'traefik.enable=true',
    `${router}.rule=${ruleOf(random, hosts)}`,
    ...(random.chance(0.3) ? [`${router}.priority=${priority}`] : []),
    ...(random.chance(0.5) ? [`${router}.middlewares=${random.some(names, 1, 2).join(',')}`] : []),
    ...(random.chance(0.3)
      ? [`${router}.entrypoints=${random.pick(['web', 'websecure', 'web,websecure', 'hind-proxy-api', textOf(random)])}`]
      : []),
    ...(random.chance(0.3) ? [`${router}.tls=true`] : []),
    ...keyed,
  ];
}

function ruleOf(random: Random, hosts: readonly string[]): string {
  const calls = Array.from({ length: 1 + random.below(3) }, () => {
    const call = random
      .pick(RULE_CALLS)
      .replaceAll('V', () => valueOf(random, random.pick([random.pick(hosts), '/a', 'GET', '10.0.0.0/8'])));
    return random.chance(0.15) ? `!${call}` : call;
  });
  const rule = [`Host(\`${random.pick(hosts)}\`)`, ...calls]
    .slice(random.chance(0.7) ? 0 : 1)
    .join(random.pick([' && ', ' || ', '&&', random.chance(0.1) ? random.pick(ATTACKS) : ' || ']));
  return random.chance(0.1) ? changed(random, rule) : rule;
}
