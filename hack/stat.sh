#!/usr/bin/env bash
# Hand-written lines of Go per room: code and tests. Generated files do not count.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files --cached --others --exclude-standard -- '*.go' |
  grep -vE 'zz_generated|/testdata/' |
  awk '
    function room(path,   p, n) {
      n = split(path, p, "/")
      if (p[1] == "internal") return p[1] "/" p[2]
      if (p[1] == "cmd" || p[1] == "test" || p[1] == "distro" || p[1] == "api") return p[1]
      return p[1]
    }
    {
      lines = 0
      while ((getline line < $0) > 0) lines++
      close($0)
      r = room($0); rooms[r] = 1
      if ($0 ~ /_test\.go$/ || $0 ~ /^test\//) { tests[r] += lines; allTests += lines } else { code[r] += lines; allCode += lines }
    }
    END {
      printf "%-24s %8s %8s\n", "room", "code", "tests"
      cmd = "sort"
      for (r in rooms) printf "%-24s %8d %8d\n", r, code[r], tests[r] | cmd
      close(cmd)
      printf "%-24s %8d %8d\n", "total", allCode, allTests
    }'
