import { hasControl, isAscii } from '../lib/text.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import { diagnose, tagSpan, type Diagnosed, type Diagnostic, type Report } from '../model/diagnostic.ts';
import type { TagReading } from '../model/intent.ts';
import type { Dialect } from './dialect.ts';

/** Limits of promises.md T5. */
export const TAG_LIMITS = { maxTagLength: 8192, maxTags: 512 } as const;

/**
 * What the tags of one instance ask for, in the order of the dialects. Tags that no dialect may see (control characters,
 * non-ASCII, too long) are taken out first; what is left keeps its index.
 */
export function readTags(instance: ServiceInstance, dialects: readonly Dialect[]): Diagnosed<TagReading> {
  const diagnostics: Diagnostic[] = [];
  const report: Report = (diagnostic) => diagnostics.push(diagnostic);
  const readable = withoutUnreadableTags(instance, dialects, report);
  const read = dialects.map((dialect) => dialect.parse(readable, report));
  reportMisspelt(readable, dialects, report);
  const value = { intents: read.flatMap(({ intents }) => intents), definitions: read.flatMap(({ definitions }) => definitions) };
  return { value, diagnostics };
}

/** A tag that begins almost like one that routes is most often meant to. */
function reportMisspelt(instance: ServiceInstance, dialects: readonly Dialect[], report: Report): void {
  for (const [index, tag] of instance.tags.entries()) {
    if (tag === '' || dialects.some((dialect) => dialect.recognises(tag))) continue;
    const [slip] = dialects.flatMap((dialect) => dialect.misspelt?.(tag) ?? []);
    if (!slip) continue;
    const message = `"${tag.slice(0, slip.end)}" begins no routing tag; the tag is not read`;
    report(diagnose('TAG_MISSPELT', message, { span: tagSpan(instance, index, 0, slip.end), hint: `Did you mean \`${slip.meant}\`?` }));
  }
}

/** The instance with every unreadable tag emptied: indexes and offsets of the others stay as the catalog has them. */
function withoutUnreadableTags(instance: ServiceInstance, dialects: readonly Dialect[], report: Report): ServiceInstance {
  const routes = (tag: string): boolean => dialects.some((dialect) => dialect.recognises(tag));
  const excess: number[] = [];
  const tags = instance.tags.map((tag, index) => (isReadable(tag, index) ? tag : ''));
  reportExcess(excess, instance, report);
  return tags.every((tag, index) => tag === instance.tags[index]) ? instance : { ...instance, tags };

  function isReadable(tag: string, index: number): boolean {
    const span = tagSpan(instance, index);
    if (index >= TAG_LIMITS.maxTags || tag.length > TAG_LIMITS.maxTagLength) {
      if (routes(tag)) excess.push(index);
      return false;
    }
    const control = hasControl(tag) && !dialects.some((dialect) => dialect.recognises(tag) && dialect.readsControls?.(tag));
    if (!control && isAscii(tag)) return true;
    if (!routes(tag)) {
      if (control) report(diagnose('TAG_CONTROL_FOREIGN', 'A tag that routes nothing holds a control character', { span }));
      return !control;
    }
    const code = control ? 'TAG_CONTROL_CHARACTER' : 'TAG_NOT_ASCII';
    report(
      diagnose(
        code,
        `Cannot read the tag: it holds ${control ? 'a control character' : 'a character outside ASCII'}, expected printable ASCII`,
        { span },
      ),
    );
    return false;
  }
}

/** One report on the tags that are too long or too many, at the first of them: a service may have thousands. */
function reportExcess(indexes: readonly number[], instance: ServiceInstance, report: Report): void {
  const [first] = indexes;
  if (first === undefined) return;
  const { maxTagLength, maxTags } = TAG_LIMITS;
  const length = instance.tags[first]?.length ?? 0;
  const what =
    indexes.length === 1
      ? `tag ${first + 1}: ${length} characters`
      : `${indexes.length} tags, the first is tag ${first + 1}: it has ${length} characters, and the instance ${instance.tags.length} tags`;
  const message = `Cannot read ${what}, expected at most ${maxTagLength} and ${maxTags} tags`;
  report(diagnose('TAG_LIMIT', message, { span: tagSpan(instance, first) }));
}
