# Runs the server, and removes everything when the owner is gone, however it went.
#
# Orders come over standard input, whose other end only the owner holds: `start`, or the
# name of a signal for the server. Its end means that the owner has no use for it any more.
place=$1 postgres=$2
exec 3<&0 </dev/null

# The sessions of a server that was killed may still be writing.
remove() {
    tries=10
    until rm -rf "$place" || [ $((tries -= 1)) -eq 0 ]; do sleep 0.5; done
}

# A server that was paused has to go on to hear of it.
quit() {
    if [ ! -e "$place/exited" ]; then kill -QUIT "$1"; kill -CONT "$1"; fi
}

obey() {
    while read -r order <&3; do
        [ -e "$place/exited" ] || kill -"$order" "$1"
        case $order in INT | QUIT) exit 0 ;; esac
    done
    quit "$1"
    exit 1
}

interrupted() {
    trap '' HUP INT TERM
    if [ "$server" ]; then
        quit "$server"
        wait "$server"
        kill "$reader"
    fi
    remove
    exit
}

server='' reader=''
trap interrupted HUP INT TERM
while read -r order <&3; do
    rm -f "$place/exited"
    "$postgres" -D "$place/data" >>"$place/log" 2>&1 3<&- &
    server=$!
    obey "$server" &
    reader=$!
    wait "$server"
    echo "$?" >"$place/exited"
    wait "$reader" || break
done
remove
