package pidone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// maxMessage bounds one packet of the socket pair, in bytes. The kernel's default
// send buffer is 208 KiB; a command line of ours is below 16 KiB.
const maxMessage = 128 << 10

// maxFDs is how many descriptors travel with one request.
const maxFDs = 8

// Setup is the first request: what the namespaces look like before anything runs.
type Setup struct {
	Hostname string
	Mounts   []Mount
}

// Mount is one step of preparing the mount namespace.
type Mount struct {
	Source, Target, Type, Data string
	Flags                      uintptr
	// Content, when not nil, is written to Target instead of mounting anything
	// there. Target must lie in what an earlier step mounted.
	Content []byte
	// Optional: a failure is no error.
	Optional bool
}

// Command is a process to start. Descriptors travel beside the message: standard
// output and error first, then those that the child finds from 3 on.
type Command struct {
	Path string
	Args []string // Args[0] is the name it is called by
	Env  []string
	Dir  string
}

type request struct {
	ID     uint64
	Setup  *Setup         `json:",omitempty"`
	Spawn  *Command       `json:",omitempty"`
	Signal *signalRequest `json:",omitempty"`
}

type signalRequest struct {
	PID    int
	Signal syscall.Signal
}

type reply struct {
	ID    uint64
	PID   int    `json:",omitempty"`
	Error string `json:",omitempty"`
	Exit  *exit  `json:",omitempty"`
}

type exit struct {
	PID    int
	Status syscall.WaitStatus
}

func send(conn *net.UnixConn, message any, fds ...int) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(data) > maxMessage {
		return fmt.Errorf("message of %d bytes exceeds %d", len(data), maxMessage)
	}
	var rights []byte
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	_, _, err = conn.WriteMsgUnix(data, rights, nil)
	return err
}

// receiver reads packets into one buffer.
type receiver struct {
	conn        *net.UnixConn
	data, extra []byte
}

func newReceiver(conn *net.UnixConn) *receiver {
	return &receiver{conn: conn, data: make([]byte, maxMessage), extra: make([]byte, syscall.CmsgSpace(maxFDs*4))}
}

func (r *receiver) receive(message any) ([]int, error) {
	n, extra, flags, _, err := r.conn.ReadMsgUnix(r.data, r.extra)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	fds, err := descriptors(r.extra[:extra])
	if err != nil {
		return nil, err
	}
	if flags&syscall.MSG_TRUNC != 0 {
		return fds, errors.New("message truncated")
	}
	return fds, json.Unmarshal(r.data[:n], message)
}

func descriptors(extra []byte) ([]int, error) {
	messages, err := syscall.ParseSocketControlMessage(extra)
	if err != nil {
		return nil, err
	}
	var fds []int
	for _, m := range messages {
		got, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		fds = append(fds, got...)
	}
	return fds, nil
}
