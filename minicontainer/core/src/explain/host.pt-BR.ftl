## O que falta nesta máquina, por quê e como resolver: erros, `doctor`

label-warning = aviso
label-hint = dica

errno = { $name ->
    [EACCES] EACCES (permissão negada)
    [EPERM] EPERM (operação não permitida)
    [EROFS] EROFS (sistema de arquivos somente leitura)
    [ENOENT] ENOENT (arquivo ou diretório não encontrado)
    [ENOSPC] ENOSPC (limite atingido)
    [ENOSYS] ENOSYS (chamada de sistema desconhecida)
    [EINVAL] EINVAL (argumento inválido)
   *[other] { $name }
 }

cause-switch-off = { $path } é 0
cause-mount-denied = um namespace de usuário pode ser criado, mas a montagem nele é negada
cause-user-namespace = não é possível criar um namespace de usuário: { $errno }
cause-no-hierarchy = nenhuma hierarquia de cgroups está montada em /sys/fs/cgroup
cause-files-of-root = a hierarquia de cgroups pertence ao root
cause-no-delegation-denied = nenhum cgroup foi delegado a você: não é possível escrever em { $place }: { $errno }
cause-not-writable = não é possível escrever em { $place }: { $errno }
cause-inhabited = há processos no próprio { $place }, portanto os cgroups abaixo dele não podem ter limites
cause-root-needs-none = o root não precisa deles: pode mapear todos os IDs
cause-no-helpers = newuidmap e newgidmap não estão instalados com set-user-ID do root
cause-no-new-privileges = este processo foi iniciado com no_new_privs, portanto newuidmap rodaria sem privilégios
cause-ids-not-mapped = os IDs que /etc/subuid e /etc/subgid reservam não estão mapeados neste namespace de usuário
cause-no-ids = /etc/subuid e /etc/subgid não reservam IDs para { $user }
cause-no-user-ids = /etc/subuid não reserva IDs para { $user }
cause-no-group-ids = /etc/subgid não reserva IDs para { $user }
cause-unreadable = não é possível ler { $path }: { $cause }
cause-not-regular = não é um arquivo comum
cause-too-large = tem mais de { $limit } MiB
cause-no-controller = o controlador { $controller } não está disponível aqui
cause-ids-too-high = seus IDs subordinados não incluem os IDs deles

fix-user-namespaces = rode como root, ou permita que usuários criem namespaces de usuário: no Ubuntu, `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`; no Debian mais antigo, `sudo sysctl kernel.unprivileged_userns_clone=1`; em outros sistemas, `sudo sysctl user.max_user_namespaces=15000`; dentro de outro contêiner, esse contêiner precisa permitir isso
fix-mount-hierarchy = monte uma: `sudo mount -t cgroup2 none /sys/fs/cgroup`
fix-version-1 = inicie o Linux com cgroup v2 (com systemd: systemd.unified_cgroup_hierarchy=1 na linha de comando do kernel) e peça a delegação de um cgroup; ou rode como root; `Sandbox::wall_time` não precisa de cgroup
fix-move-processes = dentro de outro contêiner, mova-os antes: `cd /sys/fs/cgroup && mkdir init && xargs -rn1 < cgroup.procs > init/cgroup.procs`
fix-read-only = dentro de outro contêiner, esse contêiner precisa ter uma hierarquia de cgroups em que se possa escrever
fix-delegate-systemd = faça o systemd delegar um: `systemd-run --user --scope -p Delegate=yes PROGRAM`; `Sandbox::wall_time` não precisa de cgroup
fix-delegate = `{ $command }`
fix-controllers = faça com que ele seja delegado: com systemd, `sudo systemctl edit user@.service`, em [Service] `Delegate=cpu cpuset io memory pids`, e entre de novo na sessão; veja cgroups(7)
fix-controller-kernel = inicie um kernel com o controlador { $controller } habilitado, veja cgroups(7)
fix-helpers = `sudo apt-get install uidmap` no Debian e no Ubuntu, `sudo dnf install shadow-utils` no Fedora; se já estiverem instalados, `sudo chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap`
fix-no-new-privileges = inicie o minicontainer sem ele: NoNewPrivileges=no em uma unit do systemd
fix-map-ids = rode o minicontainer fora do contêiner, ou mapeie mais IDs nele
fix-allocate-ids = `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 { $user }`
fix-readable = faça de { $path } um arquivo comum que possa ser lido
