#!/usr/bin/env bash
# Records real programs and replays them: makes the tables of docs/tools.md.
#
#     bench/programs.sh record BUILD FOLDER           traces of gcc's cc1, python3, sqlite3, git, perl and redis-server
#     bench/programs.sh replay BUILD FOLDER [NAME...] replays them, or these; writes FOLDER/NAME.txt
#     bench/programs.sh table FOLDER                  prints what those say as tables
#
# BUILD is a build folder, of preset release. Each program that is not here is left out. What is recorded is the
# same on every machine but for the versions of the programs; git's history is that of this repository.
set -euo pipefail

readonly over=libc,heap,sharded,pool,arena
readonly preloads=(libjemalloc.so.2 libmimalloc.so.2 libtcmalloc_minimal.so.4)
readonly port=7391
here=$(cd "$(dirname "$0")/.." && pwd)

# A C file of 300 functions.
c_file() {
    local i
    printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n'
    printf 'struct node { struct node *next; int key; double weight; char name[32]; };\n'
    for ((i = 0; i < 300; i++)); do
        cat <<TEXT
static int step_$i(struct node *list, const char *words, unsigned count)
{
    unsigned sum = $i;
    for (struct node *n = list; n; n = n->next) {
        if (n->key % $((i % 17 + 2)) == 0 && strlen(n->name) > $((i % 7)))
            sum += (unsigned)(n->weight * $i.5) ^ (unsigned)words[sum % (count + 1)];
        else
            switch (n->key & 7) {
            case 0: sum ^= $i; break;
            case 1: sum = sum << 3 | sum >> 29; break;
            case 2: n->key += (int)sum; break;
            case 3: snprintf(n->name, sizeof n->name, "%u", sum + $i); break;
            default: sum *= 31; break;
            }
    }
    return (int)(sum + count);
}
TEXT
    done
    printf 'int main(int argc, char **argv) { struct node *list = calloc(1, sizeof *list); int sum = 0;\n'
    for ((i = 0; i < 300; i++)); do
        printf 'sum += step_%d(list, argv[0], (unsigned)argc);\n' "$i"
    done
    printf 'return sum & 127; }\n'
}

# Words that repeat, and numbers.
words() {
    awk 'BEGIN { for (i = 0; i < 60000; i++) { x = (x * 1103515245 + 12345) % 2147483648
        printf "%s%d%s", "word", x % 9973, i % 11 == 10 ? "\n" : " " } }'
}

loam_record() { "$loam" record -o "$folder/$1.mtr" -- "${@:2}" >"$folder/$1.out" 2>"$folder/$1.err" || return 1; }

record_redis() {
    local server i
    "$loam" record -o "$folder/redis.mtr" -- redis-server --port $port --bind 127.0.0.1 --save '' \
        --appendonly no --io-threads 3 --io-threads-do-reads yes --dir "$folder" \
        >"$folder/redis.out" 2>"$folder/redis.err" &
    server=$!
    for ((i = 0; i < 100; i++)); do
        redis-cli -p $port ping >"$folder/redis.ping" 2>&1 && break
        sleep 0.1
    done
    redis-benchmark -p $port -q -n 40000 -r 20000 -P 16 -t set,get,lpush,lpop,hset,zadd,sadd,incr \
        >"$folder/redis.bench" 2>&1
    redis-cli -p $port shutdown nosave >>"$folder/redis.ping" 2>&1 || true
    wait $server
}

record() {
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    c_file >"$folder/big.c"
    words >"$folder/words.in"
    if type -P gcc >/dev/null; then
        loam_record cc1 "$(gcc -print-prog-name=cc1)" -quiet -O2 "$folder/big.c" -o /dev/null
    fi
    if type -P python3 >/dev/null; then # whose own allocator is left out
        PYTHONMALLOC=malloc loam_record python3 python3 -c '
import ast, collections, glob, json, os, sys
words = collections.Counter(open(sys.argv[1]).read().split())
text = json.dumps([{"word": w, "count": n, "letters": list(w)} for w, n in words.most_common()])
assert len(json.loads(text)) == len(words)
for path in sorted(glob.glob(os.path.dirname(ast.__file__) + "/[a-f]*.py")):
    compile(open(path, encoding="utf-8").read(), path, "exec")' "$folder/words.in"
    fi
    if type -P sqlite3 >/dev/null; then
        loam_record sqlite3 sqlite3 :memory: 'CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000)
INSERT INTO t SELECT i, printf("name %d", i * 7919 % 100003), i % 997 FROM c;
CREATE INDEX by_name ON t(name);
SELECT n, count(*), max(name) FROM t GROUP BY n ORDER BY 2 DESC, 1 LIMIT 5;
DELETE FROM t WHERE n % 3 = 0; VACUUM;'
    fi
    if type -P git >/dev/null && [[ -d $here/.git ]]; then
        loam_record git git -C "$here" --no-pager log -p -300
    fi
    if type -P perl >/dev/null; then
        loam_record perl perl -ne '$n{$_}++ for split; push @l, [split]; END {
    for (1 .. 5) { @s = sort { $n{$b} <=> $n{$a} || $a cmp $b } keys %n; %h = map { $_ => [split //] } @s; }
    print join(" ", @s[0 .. 9]), "\n"; }' "$folder/words.in"
    fi
    if type -P redis-server redis-benchmark >/dev/null; then
        record_redis
    fi
    cat "$folder"/*.err
}

replay() {
    local name preload options=()
    for preload in "${preloads[@]}"; do
        if ldconfig -p | grep -qF "$preload"; then
            options+=(--preload "$preload")
        fi
    done
    for name in "$@"; do
        "$loam" replay --over $over "${options[@]}" "$folder/$name.mtr" | tee "$folder/$name.txt"
    done
}

# one_table TITLE COLUMN: a row for each program, a column for each allocator.
one_table() {
    printf '\n%s\n\n' "$1"
    awk -v column="$2" '
        FNR == 1 { name = FILENAME; sub(/.*\//, "", name); sub(/\.txt$/, "", name); names[++n] = name
                   calls = $0; sub(/^[^:]*: /, "", calls); sub(/ calls.*/, "", calls); count[n] = calls }
        FNR > 3 && NF >= 10 { if (n == 1) heads[++h] = $1; cell[n, $1] = $column }
        END { printf "| program | calls |"; for (i = 1; i <= h; i++) { t = heads[i]; sub(/^lib/, "", t)
                  sub(/(_minimal)?\.so.*/, "", t); printf " %s |", t } print ""
              printf "|---|---|"; for (i = 1; i <= h; i++) printf "---|"; print ""
              for (k = 1; k <= n; k++) { printf "| %s | %s |", names[k], count[k]
                  for (i = 1; i <= h; i++) printf " %s |", cell[k, heads[i]]; print "" } }' "$folder"/*.txt
}

table() {
    one_table 'Nanoseconds of a call, in memory that was used before:' 2
    one_table 'Peak of resident memory over peak of live bytes:' 8
    one_table 'Fragmentation at the worst moment, in percent:' 9
}

case ${1-} in
record) loam=$2/tools/loam folder=$3 && record ;;
replay)
    loam=$2/tools/loam folder=$3
    shift 3
    if (($# == 0)); then
        for trace in "$folder"/*.mtr; do
            trace=${trace##*/}
            set -- "$@" "${trace%.mtr}"
        done
    fi
    replay "$@"
    ;;
table) folder=$2 && table ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
