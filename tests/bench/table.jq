# table.jq: the results of `figures`, one object a line, as the rows of the table of `run`.
# Columns: what, stint, crun, runc, ratio, ratio of the p10, target, stretch, met.

def trim: sub("^ +"; "") | sub(" +$"; "");

def specs:
  $specs | split("\n") | map(select(contains("|")) | split("|") | map(trim))
  | map({ name: .[0], metric: .[2], base: .[3], op: .[4],
    target: (.[5] | tonumber? // null), stretch: (.[6] | tonumber? // null),
    what: .[7] });

# ch-run is measured in the rounds of run-b1.
def data($results; $name):
  (if $name == "ch-run" then "run-b1" else $name end) as $figure
  | $results | map(select(.figure == $figure)) | first | .data;

# The best measure of CPU work that this machine counts.
def cpu_metric:
  if .crun.cycles then { key: "cycles", what: "10^6 cycles" }
  elif .crun.instructions then { key: "instructions", what: "10^6 instructions" }
  else { key: "task_clock_us", what: "CPU time (no cycle counter), ms" } end;

# From what is measured to what is shown.
def scale($metric):
  { wall_us: 1e-3, gap_us: 1e-3, task_clock_us: 1e-3, parse_us: 1e-3, cycles: 1e-6, instructions: 1e-6,
    maxrss_kib: 0.001024 }[$metric] // 1;

def number:
  if . == null then "-"
  elif . >= 100 then round | tostring
  elif . >= 10 then . * 10 | round / 10 | tostring
  else . * 1000 | round / 1000 | tostring end;

def meets($op; $limit):
  if $op == "<=" then . <= $limit else . >= $limit end;

def verdict($spec):
  if . == null or $spec.target == null then ""
  elif $spec.stretch != null and meets($spec.op; $spec.stretch) then "yes, and the stretch"
  elif meets($spec.op; $spec.target) then "yes"
  else "NO" end;

def limit($op): if . == null then "" else "\($op) \(.)" end;

def row($spec; $data):
  (if $spec.metric == "cpu" then $data | cpu_metric else { key: $spec.metric, what: "" } end)
    as $m
  | def value($who; $statistic): $data[$who // ""][$m.key][$statistic];
    def ratio($statistic):
      if $spec.base == "limit" then null
      else value("stint"; $statistic) / value($spec.base; $statistic) end;
    def shown($who):
      value($who; "median") | if . == null then . else . * scale($m.key) end;
    (if $spec.base == "limit" then shown("stint") else ratio("median") end) as $judged
  | (if $spec.base == "ch-run" then ["ch-run", null] else ["crun", "runc"] end) as $peers
  | [ "\($spec.what) \($m.what)" | trim ]
    + [ shown("stint"), shown($peers[0]), shown($peers[1]) | number ]
    + [ ratio("median"), ratio("p10") | number ]
    + [ $spec.target, $spec.stretch | limit($spec.op) ] + [ $judged | verdict($spec) ];

. as $results
| ["", "stint", "crun", "runc", "ratio", "of p10", "target", "stretch", "met"],
  (specs[] | . as $spec | data($results; .name) | select(. != null) | row($spec; .)),
  (data($results; "systemd") | select(. != null)
   | ["  the same without systemd, ms"]
     + [.["stint-alone", "crun-alone"].wall_us.median * 1e-3 | number] + ["-"]
     + [.["stint-alone"].wall_us.median / .["crun-alone"].wall_us.median | number],
     ["  systemd's job for a scope alone, ms",
      ((.attach.wall_us.median - .shell.wall_us.median) * 1e-3 | number)]),
  (data($results; "floor") | select(. != null)
   | ["floor: exec, exit of busybox true alone, ms", (.busybox.wall_us.median * 1e-3 | number)],
     ["floor: the same, of four pages without libc", (.tiny.wall_us.median * 1e-3 | number)])
| map(if . == null then "" else . end) | join("\t")
