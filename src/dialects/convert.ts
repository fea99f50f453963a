import { sameMembers } from '../lib/memo.ts';
import { sortedUnique } from '../lib/sort.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import { compareDiagnostics, tagSpan, type Diagnosed, type Diagnostic } from '../model/diagnostic.ts';
import type { RouteIntent, TagReading } from '../model/intent.ts';
import type { DialectName } from '../model/route.ts';
import type { Dialect, FormatContext, TagFormatter } from './dialect.ts';
import { reportLosses, unsupported } from './loss.ts';
import { readTags, TAG_LIMITS } from './read-tags.ts';
import { narrowed, settleRivals, type RivalTools } from './rivals.ts';
import { askKey } from './same.ts';
import type { Written } from './written.ts';

/** What a conversion is made with. */
export interface ConversionTools {
  /** The dialects that are read, in the order in which they count where two ask for one route; that of `to` among them. */
  readonly dialects: readonly Dialect[];
  readonly to: TagFormatter;
  readonly context: FormatContext;
}

/**
 * What became of one tag. `foreign`: no dialect that is read recognises it. `own`: it is in the wanted dialect already. `converted`: what it
 * says is said by `written` (or by the tag of another dialect that counts before it). `kept`: it stays, because it cannot be said or
 * asks for nothing.
 */
export interface TagStep {
  readonly tag: string;
  readonly dialect?: DialectName;
  readonly kind: 'foreign' | 'own' | 'converted' | 'kept';
  readonly written: readonly string[];
}

/** The tags of one service in another dialect, and what became of each of the old ones. */
export interface Conversion {
  readonly tags: readonly string[];
  /** One for each tag that was given, in their order. */
  readonly steps: readonly TagStep[];
  /** What the given tags ask for. */
  readonly asked: readonly RouteIntent[];
}

/**
 * The tags of an instance with everything said in one dialect, as far as that can say it: parse, then format. New tags stand in the
 * place of the first that they come from; foreign tags, those of the wanted dialect and what cannot be said stay byte for byte. The
 * result is read again: where new tags would change what others mean, or something else would be left to convert then, nothing is
 * converted. Converting the result changes nothing.
 */
export function convertTags(instance: ServiceInstance, given: ConversionTools): Diagnosed<Conversion> {
  const tools: Tools = { ...given, read: readerOf(instance, given) };
  const { value: reading, diagnostics: read } = tools.read(instance.tags);
  for (const { value, diagnostics } of attempts(instance, reading, tools))
    if (isSettled(instance, value.tags, tools)) return { value, diagnostics: inOrder([...read, ...diagnostics]) };
  const steps = instance.tags.map((tag): TagStep => {
    const dialect = dialectOf(tag, tools);
    return { tag, ...(dialect && { dialect: dialect.name }), kind: unmoved(dialect, tools), written: [] };
  });
  const [span = tagSpan(instance, 0)] = reading.intents.find(({ dialect }) => dialect !== tools.to.name)?.spans ?? [];
  const diagnostics: Diagnostic[] = [];
  const loss = unsupported('what these tags say, because together with the tags that are there it would be read in another way');
  reportLosses({ spans: [span] }, [{ ...loss, whole: true }], tools.to.name, (diagnostic) => diagnostics.push(diagnostic));
  return { value: { tags: instance.tags, steps, asked: reading.intents }, diagnostics: inOrder([...read, ...diagnostics]) };
}

interface Tools extends ConversionTools {
  /** What tags of the instance ask for; the same tags are read once, as each result is read again by those who judge it. */
  readonly read: (tags: readonly string[]) => Diagnosed<TagReading>;
}

function readerOf(instance: ServiceInstance, { dialects }: ConversionTools): Tools['read'] {
  const known = new Map<string, Diagnosed<TagReading>>();
  return (tags) => {
    const key = JSON.stringify(tags);
    const reading = known.get(key) ?? readTags({ ...instance, tags }, dialects);
    known.set(key, reading);
    return reading;
  };
}

/** The ways to convert whose result means what was asked: with the tags of the wanted dialect as they are, then with them written again. */
function* attempts(instance: ServiceInstance, reading: TagReading, tools: Tools): Generator<Diagnosed<Conversion>> {
  for (const rewritten of [false, true]) {
    const { value, diagnostics } = attempt(instance, { reading, rewritten, tools });
    if (value) yield { value, diagnostics };
  }
}

/** Whether there is nothing left to convert in the result: what tags say can depend on those that went. */
function isSettled(instance: ServiceInstance, tags: readonly string[], tools: Tools): boolean {
  // tags of the wanted dialect alone have no rivals, and are left as they are
  if (isByTagsAlone(tools) && recognised(tags, tools).every((tag) => isOnlyOf(tag, tools.to.name, tools))) return true;
  const isSame = (others: readonly string[]): boolean => tags.length === others.length && tags.every((tag, at) => tag === others[at]);
  if (isSame(instance.tags)) return true;
  const result = { ...instance, tags };
  const [next] = attempts(result, tools.read(tags).value, tools);
  return !next || isSame(next.value.tags);
}

interface Attempt {
  readonly reading: TagReading;
  /** Tags of the wanted dialect are written again, together with the others. */
  readonly rewritten: boolean;
  readonly tools: Tools;
}

/** One way to convert; undefined where the result does not mean what was asked. */
function attempt(instance: ServiceInstance, { reading, rewritten, tools }: Attempt): Diagnosed<Conversion | undefined> {
  const diagnostics: Diagnostic[] = [];
  const rivalTools = { ...tools, staying: rewritten ? undefined : tools.to.name };
  const asked = tools.to.spelledOut?.(reading.intents, tools.context) ?? reading.intents;
  const { counted, beaten } = settleRivals(asked, rivalTools, (diagnostic) => diagnostics.push(diagnostic));
  const moves = (intent: RouteIntent): boolean => rewritten || intent.dialect !== tools.to.name;
  const { written, stuck, losses } = writeNarrowed(counted.filter(moves), { among: counted, tools: rivalTools });
  const stuckTags = new Set(stuck.map(({ spans: [span] }) => span?.tagIndex));
  const isStuck = ({ spans: [span] }: RouteIntent): boolean => stuckTags.has(span?.tagIndex);
  const staying = counted.filter((intent) => !moves(intent) || isStuck(intent));
  const moved = counted.filter((intent) => !staying.includes(intent));
  const gone = leaving(instance, { moved, beaten, staying, rewritten, tools });
  const unused = unusedDefinitions(reading, { gone, moved, tools });
  const tags = placed(instance.tags, { gone, written });
  const steps = instance.tags.map((tag, index): TagStep => {
    const dialect = dialectOf(tag, tools);
    const own = written.tags.filter(({ spans }) => spans.some(({ tagIndex }) => tagIndex === index)).map((one) => one.tag);
    const kind = gone.has(index) ? 'converted' : unmoved(dialect, tools);
    return { tag, ...(dialect && { dialect: dialect.name }), kind, written: kind === 'converted' ? own : [] };
  });
  const implied = new Set(asked).difference(new Set(reading.intents));
  const isRight = meansTheSame(tags, { staying: staying.filter((intent) => !implied.has(intent)), written, tools });
  return { value: isRight ? { tags, steps, asked: reading.intents } : undefined, diagnostics: [...diagnostics, ...losses, ...unused] };
}

/**
 * The tags of intents, each narrowed to what no other one takes from it. Where only the wide ones can be said and their tags are no
 * others (a HinD tag is for https and redirects the rest), those are the tags: the same result would be reached from what is left over.
 */
function writeNarrowed(
  intents: readonly RouteIntent[],
  { among, tools }: { readonly among: readonly RouteIntent[]; readonly tools: ConversionTools & RivalTools },
): ReturnType<typeof write> {
  const textsOf = ({ written }: ReturnType<typeof write>): string => sortedUnique(written.tags.map(({ tag }) => tag)).join('\n');
  const narrow = write(narrowed(intents, { among, tools }), tools);
  if (narrow.stuck.every((intent) => intents.includes(intent))) return narrow;
  const wide = write(intents, tools);
  return wide.stuck.length < narrow.stuck.length && textsOf(wide) === textsOf(narrow) ? wide : narrow;
}

/**
 * The tags of intents. What one tag asks for is written as a whole or not at all: where one of its intents cannot be said, it keeps all
 * of them.
 */
function write(
  intents: readonly RouteIntent[],
  { to, context }: ConversionTools,
): { readonly written: Written; readonly stuck: readonly RouteIntent[]; readonly losses: readonly Diagnostic[] } {
  const losses: Diagnostic[] = [];
  const written = to.format(intents, context, (diagnostic) => losses.push(diagnostic));
  const unsaid = new Set(written.unsaid.map(({ tagIndex }) => tagIndex));
  const stuck = intents.filter(({ spans: [span] }) => span && unsaid.has(span.tagIndex));
  if (stuck.length === 0) return { written, stuck, losses };
  const why = losses.filter(({ span, severity }) => span && unsaid.has(span.tagIndex) && severity === 'error');
  const rest = write(
    intents.filter((intent) => !stuck.includes(intent)),
    { to, context, dialects: [] },
  );
  return { written: rest.written, stuck: [...stuck, ...rest.stuck], losses: [...why, ...rest.losses] };
}

interface Fates {
  readonly moved: readonly RouteIntent[];
  readonly beaten: readonly RouteIntent[];
  readonly staying: readonly RouteIntent[];
  readonly rewritten: boolean;
  readonly tools: ConversionTools;
}

/** Positions of the tags that go: what they say is said by others. */
function leaving(instance: ServiceInstance, { moved, beaten, staying, rewritten, tools }: Fates): ReadonlySet<number> {
  const kept = indexesOf(staying);
  const gone = new Set([...indexesOf([...moved, ...beaten])].filter((index) => !kept.has(index)));
  const together = tools.dialects.filter(({ name, speaksInSeveral }) => {
    const isMoving = rewritten || name !== tools.to.name;
    const isSaid = moved.some(({ dialect }) => dialect === name) && staying.every(({ dialect }) => dialect !== name);
    return speaksInSeveral === true && isMoving && isSaid;
  });
  for (const [index, tag] of instance.tags.entries()) if (together.some((dialect) => dialect.recognises(tag))) gone.add(index);
  return gone;
}

function indexesOf(intents: readonly RouteIntent[]): ReadonlySet<number> {
  return new Set(intents.flatMap(({ spans }) => spans.map(({ tagIndex }) => tagIndex)));
}

/** Definitions that go with their tags although no route of this service has them: tags of other services may use them. */
function unusedDefinitions(
  { definitions }: TagReading,
  { gone, moved, tools }: { readonly gone: ReadonlySet<number>; readonly moved: readonly RouteIntent[]; readonly tools: ConversionTools },
): readonly Diagnostic[] {
  const used = indexesOf(moved);
  const lost = definitions.filter(
    (definition) => gone.has(definition.span.tagIndex) && !used.has(definition.span.tagIndex) && !('implicit' in definition),
  );
  const diagnostics: Diagnostic[] = [];
  for (const { kind, name, span } of lost)
    reportLosses({ spans: [span] }, [unsupported(`${kind} "${name}", which tags of other services may use`)], tools.to.name, (diagnostic) =>
      diagnostics.push(diagnostic),
    );
  return diagnostics;
}

/** The tags that stay, and the new ones in the place of the first that they come from. */
function placed(
  tags: readonly string[],
  { gone, written }: { readonly gone: ReadonlySet<number>; readonly written: Written },
): readonly string[] {
  const stay = new Set(tags.filter((_, index) => !gone.has(index)));
  const fresh = written.tags.filter(({ tag }) => !stay.has(tag));
  const placeOf = ({ spans }: Written['tags'][number]): number => Math.min(...spans.map(({ tagIndex }) => tagIndex));
  return tags.flatMap((tag, index) => [
    ...fresh.filter((one) => placeOf(one) === index).map((one) => one.tag),
    ...(gone.has(index) ? [] : [tag]),
  ]);
}

/** Whether a result asks for what stays and what was written, and nothing else. */
function meansTheSame(
  tags: readonly string[],
  { staying, written, tools }: { readonly staying: readonly RouteIntent[]; readonly written: Written; readonly tools: Tools },
): boolean {
  const own = written.tags.map(({ tag }) => tag);
  // foreign tags change nothing, but for those that are too many to be read
  if (staying.length === 0 && tags.length <= TAG_LIMITS.maxTags && sameMembers(recognised(tags, tools), own)) return true;
  const alone = tools.read(own).value.intents;
  const asked = tools.read(tags).value.intents;
  if (alone.length === 0 && sameMembers(asked, staying)) return true;
  const keysOf = (intents: readonly RouteIntent[]): string => sortedUnique(intents.map(askKey)).join('\n');
  return keysOf(asked) === keysOf([...staying, ...alone]);
}

/** Whether tags are all that makes intents: labels of Traefik may be on for every service. */
function isByTagsAlone({ read }: Tools): boolean {
  return read([]).value.intents.length === 0;
}

function recognised(tags: readonly string[], { dialects }: ConversionTools): readonly string[] {
  return tags.filter((tag) => dialects.some((dialect) => dialect.recognises(tag)));
}

function isOnlyOf(tag: string, to: DialectName, { dialects }: ConversionTools): boolean {
  return dialects.every((dialect) => dialect.name === to || !dialect.recognises(tag));
}

function dialectOf(tag: string, { dialects }: ConversionTools): Dialect | undefined {
  return dialects.find((dialect) => dialect.recognises(tag));
}

function unmoved(dialect: Dialect | undefined, { to }: ConversionTools): TagStep['kind'] {
  return dialect ? (dialect.name === to.name ? 'own' : 'kept') : 'foreign';
}

/** Each diagnostic once, by place. */
function inOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const keyOf = ({ code, message, span }: Diagnostic): string => JSON.stringify([code, message, span?.tagIndex, span?.start]);
  return [...new Map(diagnostics.map((diagnostic) => [keyOf(diagnostic), diagnostic])).values()].toSorted(compareDiagnostics);
}
