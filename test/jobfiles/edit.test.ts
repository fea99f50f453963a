import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdits, cutsBetween, editsOf, type ElementChange } from '../../src/jobfiles/edit.ts';
import { rawText } from '../../src/jobfiles/job-file.ts';
import { readJobFile, type FileForm } from '../../src/jobfiles/read.ts';
import { PATCH_CONTEXT, unifiedPatch } from '../../src/lib/patch.ts';

/** Edits of a list: its elements by what they say, `A` → gone, `A>x,y` → x and y in its place, `A+x` → x behind it. */
const EDITS: readonly { readonly form: FileForm; readonly before: string; readonly after: string }[] = [
  {
    form: 'hcl',
    before: 'service {\n  tags = [\n    "a>x,y", # c\n    "b"\n  ]\n}\n',
    after: 'service {\n  tags = [\n    "x",\n    "y", # c\n    "b"\n  ]\n}\n',
  },
  {
    form: 'hcl',
    before: 'service {\n  tags = [\n    "a+x", # c, d\n    // "old",\n    "b+y"\n  ]\n}\n',
    after: 'service {\n  tags = [\n    "a+x", # c, d\n    "x",\n    // "old",\n    "b+y",\n    "y"\n  ]\n}\n',
  },
  {
    form: 'hcl',
    before: 'service {\r\n  tags = [\r\n    "a-",\r\n    "b+y",\r\n  ]\r\n}\r\n',
    after: 'service {\r\n  tags = [\r\n    "b+y",\r\n    "y",\r\n  ]\r\n}\r\n',
  },
  { form: 'hcl', before: 'service { tags = ["a-", "b>x", "c-"] }', after: 'service { tags = ["x"] }' },
  { form: 'hcl', before: 'service { tags = ["a", "b-", "c-",] }', after: 'service { tags = ["a",] }' },
  { form: 'hcl', before: 'service { tags = ["a>x", "b-" /* b */, "c-" ] }', after: 'service { tags = ["x" ] }' },
  { form: 'hcl', before: 'service {\n  tags = [\n    "a", # c\n    "b-"\n  ]\n}\n', after: 'service {\n  tags = [\n    "a" # c\n  ]\n}\n' },
  { form: 'hcl', before: 'service { tags = [ /* "z", */ "a-" ] }', after: 'service { tags = [ /* "z", */  ] }' },
  { form: 'json', before: '{"tags": ["a", "b-", "c-"]}', after: '{"tags": ["a"]}' },
  { form: 'json', before: '{"tags": ["a-", "b-"]}', after: '{"tags": []}' },
  { form: 'json', before: '{"tags": ["a>x", "b-"]}', after: '{"tags": ["x"]}' },
  { form: 'json', before: '{"tags": [\n  "a+x",\n  "b+y"\n]}', after: '{"tags": [\n  "a+x",\n  "x",\n  "b+y",\n  "y"\n]}' },
  { form: 'json', before: '{"tags": [\n  "a",\n  "b-"\n]}', after: '{"tags": [\n  "a"\n]}' },
  { form: 'yaml', before: 'tags:\n  - a>x,y # c\n  - "b"\n', after: 'tags:\n  - "x"\n  - "y" # c\n  - "b"\n' },
  { form: 'yaml', before: 'tags:\n  - a- # c\n  - b+y\nother: 1\n', after: 'tags:\n  # c\n  - b+y\n  - y\nother: 1\n' },
  { form: 'yaml', before: "tags: [ 'a>x', b ]\n", after: "tags: [ 'x', b ]\n" },
];

for (const { form, before, after } of EDITS) {
  test(`editsOf() changes nothing but elements in ${form}: ${JSON.stringify(before)}`, async () => {
    const { lists, faults } = await readJobFile(before, form);
    assert.deepEqual(faults, []);
    const [list] = lists;
    assert.ok(list);
    const changes = list.elements.map(({ pieces }): ElementChange => {
      const [, mark, words = ''] = /^\w+([->+]?)(.*)$/.exec(rawText(pieces)) ?? [];
      const added = words === '' ? [] : words.split(',').map((word) => [word]);
      return { stays: mark === '' || mark === '+', added };
    });
    assert.equal(applyEdits(before, editsOf(before, list, changes)), after);
  });
}

test('cutsBetween() cuts where more lines than asked for stay the same on both sides, and no patch shows it', () => {
  const lines = Array.from({ length: 60 }, (_, index) => `line ${index % 4}\n`);
  const at = (line: number): number => lines.slice(0, line).join('').length;
  const text = lines.join('');
  const edits = [
    { start: at(20), end: at(20), text: 'new\nlines\n' },
    { start: at(29) + 2, end: at(29) + 4, text: '' },
    // one line less than it takes
    { start: at(38) - 1, end: at(38), text: '!\n' },
    { start: at(60), end: at(60), text: 'no line break' },
  ];
  const after = applyEdits(text, edits);

  const cuts = cutsBetween(text, edits, PATCH_CONTEXT);

  assert.deepEqual(
    cuts.map(({ before }) => before),
    [at(5), at(25), at(43)],
  );
  for (const cut of cuts) assert.equal(text.slice(cut.before, cut.before + 30), after.slice(cut.after, cut.after + 30));
  assert.equal(unifiedPatch('a', { before: text, after }, { cuts }), unifiedPatch('a', { before: text, after }));
});
