"""AWS on this machine: moto, made stricter and slower where AWS is, with a call log and faults on demand."""
