// What the comparison shows: where robust() loses, how often it does not, and the numbers of every task. All of it is said
// from the results.

import { paragraph, table } from "../support/markdown.ts";
import { bestRow, named, type Report, rowNamed, rowsOf, short, shown, signOf } from "./rows.ts";
import { type Row, type Spread, spreadAt } from "./statistics.ts";
import type { Task } from "./tasks.ts";
import type { Score } from "./training.ts";

/** What is compared, with the digits it is written in. */
const MEASURES: readonly { readonly what: keyof Score; readonly title: string; readonly digits: number }[] = [
  { what: "accuracy", title: "accuracy", digits: 4 },
  { what: "loss", title: "log loss", digits: 3 },
  { what: "ece", title: "ECE", digits: 3 },
];

/** How far an accuracy may be below, and the training rows from which that is counted. */
const NEAR = 0.005, MANY = 2_000, MANY_ROWS = "2,000 training rows or more";

/** robust() against a baseline on a task. */
interface Duel {
  readonly task: Task;
  readonly ours: Spread;
  readonly theirs: Spread;
  readonly baseline: Row;
  /** By how much robust() is better; negative where it is worse. */
  readonly lead: number;
}

type Opponent = (baselines: readonly Row[], epoch: number, what: keyof Score) => Row | undefined;

/** Adam, tuned and averaged. */
const adam: Opponent = (baselines) => rowNamed(baselines, "adam", "averaged");

/** The duel of a task after its first or last epoch, where both have been scored. */
function duelOf(report: Report, task: Task, when: "first" | "last", what: keyof Score, opponent: Opponent): Duel[] {
  const rows = rowsOf(report, task), epoch = task.epochs.at(when === "first" ? 0 : -1) ?? 1;
  const robust = rowNamed(rows, "robust", "averaged");
  const baseline = opponent(rows.filter(({ method }) => !method.ours), epoch, what);
  if (robust === undefined || baseline === undefined) return [];
  const ours = spreadAt(robust, epoch, what), theirs = spreadAt(baseline, epoch, what);
  if (ours === null || theirs === null) return [];
  return [{ task, ours, theirs, baseline, lead: signOf(what) * (ours.mean - theirs.mean) }];
}

/** The tasks on which robust() and a baseline have been scored. */
const comparedIn = (report: Report): Task[] =>
  report.tasks.filter((task) => duelOf(report, task, "last", "accuracy", bestRow).length > 0);

/** Every task and measure by which the best tuned baseline is ahead after the last epoch. */
function losses(report: Report): string {
  const lines = report.tasks.flatMap((task) => {
    const cells = MEASURES.map(({ what, digits }) => {
      const behind = duelOf(report, task, "last", what, bestRow).filter(({ lead }) => lead < 0);
      return behind.map(({ ours, theirs, baseline }) =>
        `${short(ours.mean, digits)} against ${short(theirs.mean, digits)} (${named(baseline)})`
      ).join("");
    });
    return cells.some((cell) => cell !== "") ? [[task.title, ...cells]] : [];
  });
  const where = `After the last epoch a tuned baseline is ahead of \`robust()\` in ${lines.length} of ${
    comparedIn(report).length
  }`;
  if (lines.length === 0) return `${where} tasks.`;
  return `${where} tasks by one measure or more:\n\n${table(["", ...MEASURES.map(({ title }) => title)], lines)}`;
}

/** Groups of tasks that are counted apart. */
const GROUPS: readonly { readonly title: string; readonly has: (task: Task) => boolean }[] = [
  { title: `new kinds of data, ${MANY_ROWS}`, has: ({ settled, rows }) => !settled && rows >= MANY },
  { title: "new kinds of data, fewer rows", has: ({ settled, rows }) => !settled && rows < MANY },
  { title: "kinds that constants were settled on", has: ({ settled }) => settled },
  { title: "all", has: () => true },
];

const outOf = (duels: readonly Duel[], lead: number): string =>
  duels.length === 0 ? "" : `${duels.filter((duel) => duel.lead >= lead).length} of ${duels.length}`;

/** How often robust() is not behind tuned, averaged Adam. */
function counts(report: Report): string {
  const lines = GROUPS.flatMap(({ title, has }) => {
    const tasks = report.tasks.filter(has);
    const duels = (when: "first" | "last", what: keyof Score): Duel[] =>
      tasks.flatMap((task) => duelOf(report, task, when, what, adam));
    const accuracy = duels("last", "accuracy");
    if (accuracy.length === 0) return [];
    const others = (["loss", "ece"] as const).map((what) => outOf(duels("last", what), 0));
    const first = (["accuracy", "loss"] as const).map((what) => outOf(duels("first", what), 0));
    return [[title, outOf(accuracy, 0), outOf(accuracy, -NEAR), ...others, ...first]];
  });
  const header = [
    "accuracy no lower",
    `accuracy at most ${short(NEAR, 3)} lower`,
    "log loss no higher",
    "ECE no higher",
  ];
  const first = ["accuracy no lower, epoch 1", "log loss no higher, epoch 1"];
  return table(["tasks", ...header, ...first], lines);
}

/** Whether the accuracy stays near that of Adam wherever there are many rows. */
function nearness(report: Report): string {
  const tasks = report.tasks.filter(({ rows }) => rows >= MANY);
  const duels = tasks.flatMap((task) => duelOf(report, task, "last", "accuracy", adam));
  const far = duels.filter(({ lead }) => lead < -NEAR), given = `Given ${MANY_ROWS}, its accuracy is`;
  if (far.length === 0) {
    return `${given} in none of ${duels.length} tasks more than ${short(NEAR, 3)} below that of Adam.`;
  }
  const places = far.map(({ task, lead }) => `${task.title} (by ${short(-lead, 4)})`).join(", ");
  return `${given} more than ${
    short(NEAR, 3)
  } below that of Adam in ${far.length} of ${duels.length} tasks: ${places}.`;
}

/** Both numbers of a duel, the better one bold. */
function pair(duels: readonly Duel[], digits: number): string[] {
  const [duel] = duels;
  if (duel === undefined) return ["", ""];
  const { ours, theirs, baseline, lead } = duel, us = shown(ours, digits), them = shown(theirs, digits);
  return [lead >= 0 ? `**${us}**` : us, `${lead >= 0 ? them : `**${them}**`} (${named(baseline)})`];
}

/** Every task: the first and the last epoch. */
function everyTask(report: Report): string {
  const columns = [
    { when: "first", what: "accuracy", title: "accuracy 1", digits: 4 },
    ...MEASURES.map(({ what, title, digits }) =>
      ({ when: "last", what, title: `${title} at the end`, digits }) as const
    ),
  ] as const;
  const lines = comparedIn(report).map((task) => [
    task.title,
    String(task.epochs.at(-1)),
    ...columns.flatMap(({ when, what, digits }) => pair(duelOf(report, task, when, what, bestRow), digits)),
  ]);
  return table(
    ["", "epochs", ...columns.flatMap(({ title }) => [`robust(): ${title}`, "best tuned baseline"])],
    lines,
  );
}

/** How robust() stands against tuned, averaged Adam. */
export const standing = (report: Report): string =>
  [
    paragraph(
      "Tasks on which `robust()` is not behind Adam, tuned and averaged (test means; after the last epoch, but for the " +
        "last two columns):",
    ),
    counts(report),
    paragraph(nearness(report)),
  ].join("\n\n");

/** What is seen: losses first. */
export const overview = (report: Report): string =>
  [
    "### Where it loses",
    losses(report),
    "### How often it does not",
    standing(report),
    "### Every task",
    everyTask(report),
  ].join("\n\n");
